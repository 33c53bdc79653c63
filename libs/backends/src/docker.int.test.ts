import { once } from 'node:events'
import { connect } from 'node:net'
import { Client } from 'pg'
import { getContainerRuntimeClient, ImageName } from 'testcontainers'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Backend, BackendOptions } from './backend.ts'
import { dockerProblem } from './docker.ts'
import { startNats } from './start-nats.ts'
import { startPostgres } from './start-postgres.ts'
import { startRedis } from './start-redis.ts'

vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 })

// Where an engine runs that has the images or can pull them; elsewhere the tests say why they did not run.
const running: Backend[] = []

beforeEach(() => {
  vi.stubEnv('MAILX_BACKENDS', 'docker')
})

afterEach(async () => {
  vi.unstubAllEnvs()
  for (const backend of running.splice(0)) await backend.stop()
})

async function problemWith(image: string): Promise<string | undefined> {
  const problem = await dockerProblem()
  if (problem !== undefined) return problem
  const { image: images } = await getContainerRuntimeClient()
  const name = ImageName.fromString(image)
  try {
    if (!(await images.exists(name))) await images.pull(name)
    return undefined
  } catch (error) {
    return `the engine has no image ${image} and cannot pull it (${String(error)})`
  }
}

async function query(url: string): Promise<unknown> {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query<Record<string, unknown>>(
      "select current_setting('fsync') as fsync, current_setting('server_version_num')::int / 10000 as major",
    )
    return rows[0]
  } finally {
    await client.end()
  }
}

/** Sends lines and resolves with what came back, up to `last`. */
async function talk(url: string, lines: readonly string[], last: string): Promise<string> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  socket.write([...lines, ''].join('\r\n'))
  let heard = ''
  socket.on('data', (piece: Buffer) => {
    heard += piece.toString()
    if (heard.includes(last)) socket.end()
  })
  await once(socket, 'close')
  return heard
}

const askJetStream = ({ url }: Backend) => {
  const { username: user, password: pass } = new URL(url)
  const login = `CONNECT ${JSON.stringify({ user, pass })}`
  const question = ['SUB answer 1', 'PUB $JS.API.INFO answer 0', '']
  return talk(url, [login, ...question], 'account_info_response')
}

const askRedis = ({ url }: Backend) => talk(url, [`AUTH ${new URL(url).password}`, 'PING'], 'PONG')

type Case = {
  readonly title: string
  readonly image: string
  readonly start: (options: BackendOptions) => Promise<Backend>
  readonly serves: (backend: Backend) => Promise<void>
}

const cases: readonly Case[] = [
  {
    title: 'Postgres',
    image: 'postgres:18',
    start: startPostgres,
    serves: async ({ url }) => expect(await query(url)).toEqual({ fsync: 'on', major: 18 }),
  },
  {
    title: 'NATS',
    image: 'nats:2-alpine',
    start: startNats,
    serves: async (nats) => expect(await askJetStream(nats)).toContain('"streams":0'),
  },
  {
    title: 'Valkey',
    image: 'valkey/valkey:8-alpine',
    start: startRedis,
    serves: async (redis) => expect(await askRedis(redis)).toContain('PONG'),
  },
]

test.for(cases)(
  '$title of the image $image serves, says so, and comes back after it was killed',
  async ({ image, start, serves }, { skip }) => {
    const problem = await problemWith(image)
    if (problem !== undefined) skip(problem)
    const said: string[] = []
    const backend = await start({ own: true, say: (line) => said.push(line) })
    running.push(backend)
    expect(backend.source).toBe(`${image} in Docker`)
    expect(said.at(-1)).toContain(`${image} in Docker`)
    await serves(backend)
    await backend.kill()
    await backend.restart()
    await vi.waitFor(() => serves(backend), { timeout: 60_000, interval: 500 })
  },
)
