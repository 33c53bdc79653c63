import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findBinary } from '@mailx/backends/find-binary'
import { freePort, withPort } from '@mailx/backends/free-port'
import { runServer } from '@mailx/backends/run-server'
import { natsProgram } from '@mailx/backends/start-nats'
import { accessCommand, natsUsersCommand } from '@mailx/mailxctl-tool/commands/access'
import { connectNats } from '@mailx/messaging/connect'
import { ensureStreams } from '@mailx/messaging/streams'
import { inboxOf } from '@mailx/privileges/nats-permissions'
import { type Principal, principals, writtenBy } from '@mailx/privileges/services'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { profile } from '../chart/helm.ts'
import { ofKind, render } from '../chart/manifest.ts'
import { madeSecrets } from './made-secrets.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let folder: string
let access: string
let strangers: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailx-chart-nats-'))
  access = join(folder, 'access')
  strangers = join(folder, 'strangers')
  for (const place of [access, strangers]) await accessCommand({ record: () => {} }, place)
})
afterAll(() => rm(folder, { recursive: true }))

/** A server with the configuration of a chart's or an operator's, but for where it listens and writes. */
async function serve<Result>(
  name: string,
  config: (port: number) => string,
  work: (url: string) => Promise<Result>,
): Promise<Result> {
  const { file, env, version } = await findBinary(natsProgram, () => {})
  const own = join(folder, name)
  await mkdir(own)
  const publicKeys = await readFile(join(access, 'nats/public-keys.conf'), 'utf8')
  await writeFile(join(own, 'public-keys.conf'), publicKeys)
  const server = await withPort(undefined, async (port) => {
    await writeFile(join(own, 'nats.conf'), config(port))
    return runServer({
      plan: {
        name: 'NATS',
        file,
        args: ['-c', join(own, 'nats.conf')],
        env: { ...process.env, ...env, SERVER_NAME: name },
        logFile: join(own, 'server.log'),
        stopSignal: 'INT',
        isReady: async () =>
          /is ready|Listening for route/.test(await readFile(join(own, 'server.log'), 'utf8')),
        temporary: [],
      },
      url: `nats://127.0.0.1:${port}`,
      port,
      source: `${file} ${version}`,
      say: () => {},
    })
  })
  try {
    return await work(server.url)
  } finally {
    await server.stop()
  }
}

const connectAs = async (url: string, principal: Principal, seeds = access) => {
  const seed = await readFile(join(seeds, principal, 'NATS_SEED'), 'utf8')
  return connectNats({ url, name: principal, seed: () => seed, inboxPrefix: inboxOf(principal) })
}

/** Every process gets in and makes the streams that it writes; nobody else does. */
async function letsInItsOwn(url: string): Promise<void> {
  for (const principal of principals) {
    const connection = await connectAs(url, principal)
    if (principal !== 'operator') await ensureStreams(connection, writtenBy(principal))
    await connection.close()
  }
  await expect(connectAs(url, 'gateway', strangers)).rejects.toThrow(/authorization/i)
  await expect(connectNats({ url, name: 'nobody' })).rejects.toThrow(/authorization/i)
}

test("the chart's server knows the users whose keys were made, and nobody else", async () => {
  const manifests = await render({ values: [profile('dev')] })
  const conf = ofKind(manifests, 'ConfigMap').find(({ metadata }) => metadata.name === 'mailx-nats')
  const text = String(conf?.['data']['nats.conf'])
  const own = (port: number) =>
    text
      .replace('0.0.0.0:4222', `127.0.0.1:${port}`)
      .replace('http: "0.0.0.0:8222"', '')
      .replace('/tmp/nats.pid', join(folder, 'nats.pid'))
      .replace('/data', join(folder, 'data'))
  await serve('chart', own, letsInItsOwn)
})

test('servers of one cluster know each other by the password that was made, and no other', async () => {
  const values = {
    secrets: { generate: true },
    access: { existingSecret: '' },
    nats: { url: { existingSecret: { name: '' } }, server: { enabled: true } },
  }
  const manifests = await render({ values: [profile('external'), values] })
  const conf = ofKind(manifests, 'ConfigMap').find(({ metadata }) => metadata.name === 'mailx-nats')
  const text = String(conf?.['data']['nats.conf'])
  const ports = await Promise.all([freePort(), freePort(), freePort()])
  const routesFor = (password: string) =>
    String(madeSecrets(manifests, password)['routes-3.conf']).replaceAll(
      /@mailx-nats-(\d)\.mailx-nats:6222/g,
      (_all, index: string) => `@127.0.0.1:${ports[Number(index)]}`,
    )
  const member = (index: number, password: string) => (port: number) =>
    text
      .replace('0.0.0.0:4222', `127.0.0.1:${port}`)
      .replace('0.0.0.0:6222', `127.0.0.1:${ports[index]}`)
      .replace('http: "0.0.0.0:8222"', '')
      .replace('/tmp/nats.pid', join(folder, `nats-${index}.pid`))
      .replace('/data', join(folder, `data-${index}`))
      .replace('include "routes.conf"', routesFor(password))
  const log = (name: string) => readFile(join(folder, name, 'server.log'), 'utf8')
  await serve('first', member(0, 'right'), () =>
    serve('second', member(1, 'right'), () =>
      serve('stranger', member(2, 'wrong'), async () => {
        await expect.poll(() => log('first'), { timeout: 20_000 }).toContain('Route connection')
        await expect
          .poll(() => log('first'), { timeout: 20_000 })
          .toMatch(/authentication error|Authorization Violation/i)
        await expect.poll(() => log('second'), { timeout: 20_000 }).toMatch(/Route connection/)
      }),
    ),
  )
})

test('so does the server of an operator who takes what mailxctl nats-users prints', async () => {
  let users = ''
  await natsUsersCommand({ record: (_data, text) => (users = text) }, access)
  const own = (port: number) =>
    `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${join(folder, 'own-data')}" }\n${users}\n`
  await serve('operator', own, letsInItsOwn)
})
