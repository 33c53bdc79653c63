import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Backend } from '@mailx/backends/backend'
import { startNats } from '@mailx/backends/start-nats'
import { startPostgres } from '@mailx/backends/start-postgres'
import { startRedis } from '@mailx/backends/start-redis'
import { eventually } from '@mailx/testing/eventually'
import { type MadeAuthority, makeAuthority } from '@mailx/testing/made-authority'
import { type SecretFolder, secretFolder } from '@mailx/testing/secret-folder'
import { tcpProxy } from '@mailx/testing/tcp-proxy'
import { Redis } from 'ioredis'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import type { Readiness } from './readiness.ts'

vi.setConfig({ testTimeout: 90_000, hookTimeout: 90_000 })
const PATIENTLY = { timeoutMs: 30_000 }
const say = () => {}
const stops: (() => unknown)[] = []
afterAll(async () => {
  for (const stop of stops.splice(0).toReversed()) await stop()
})

/** Stands for a service: it has every connection that one has. */
let child: ChildProcess
let secrets: SecretFolder
let held: Record<string, string>
let authority: MadeAuthority
let postgres: Backend
let redis: Backend
let nats: { readonly before: Backend; readonly after: Backend }
let natsAfter: string
const lines: { readonly msg: string; readonly ops?: string }[] = []

const put = (changed: Record<string, string>) => {
  held = { ...held, ...changed }
  return secrets.put(held)
}

async function asOwner(statement: string): Promise<readonly Record<string, unknown>[]> {
  const client = new Client({ connectionString: postgres.socketUrl ?? postgres.url })
  await client.connect()
  try {
    return (await client.query<Record<string, unknown>>(statement)).rows
  } finally {
    await client.end()
  }
}

async function checks(): Promise<Record<string, boolean>> {
  const ops = lines.find(({ msg }) => msg.includes('is starting'))?.ops
  const answer = await fetch(`http://${String(ops)}/readyz`)
  const readiness = (await answer.json()) as Readiness
  return Object.fromEntries(readiness.checks.map(({ name, ok }) => [name, ok]))
}

const becomes = (name: string, ok: boolean) =>
  eventually(async () => expect(await checks()).toMatchObject({ [name]: ok }), PATIENTLY)

beforeAll(async () => {
  authority = await makeAuthority('right')
  const tls = await authority.issue(['127.0.0.1'])
  postgres = await startPostgres({ say, tls })
  stops.push(() => postgres.stop())
  redis = await startRedis({ say, tls })
  stops.push(() => redis.stop())
  nats = { before: await startNats({ own: true, say, tls }), after: await startNats({ say, tls }) }
  stops.push(
    () => nats.before.stop(),
    () => nats.after.stop(),
  )
  // To the service it is one server, which has another password after its restart.
  const proxy = await tcpProxy({ target: [nats.before.url, nats.after.url] })
  stops.push(() => proxy.stop())
  natsAfter = proxy.through(nats.after.url)
  await nats.after.kill()

  await asOwner("create role app superuser login password 'first'")
  secrets = await secretFolder()
  stops.push(() => secrets.remove())
  await put({
    'ca.crt': authority.certPem,
    password: 'first\n',
    nats: proxy.through(nats.before.url),
    redis: redis.url,
  })
  const database = new URL(postgres.url)
  database.username = 'app'
  database.password = ''
  child = spawn(process.execPath, [fileURLToPath(new URL('./probe-service.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      PATH: process.env['PATH'],
      NODE_ENV: 'test',
      BUS_KEY: Buffer.alloc(32, 7).toString('base64'),
      DATABASE_URL: database.href,
      DATABASE_PASSWORD_FILE: secrets.path('password'),
      DATABASE_CA_FILE: secrets.path('ca.crt'),
      NATS_URL_FILE: secrets.path('nats'),
      NATS_CA_FILE: secrets.path('ca.crt'),
      REDIS_URL_FILE: secrets.path('redis'),
      REDIS_CA_FILE: secrets.path('ca.crt'),
    },
  })
  stops.push(() => child.kill('SIGKILL'))
  let rest = ''
  child.stdout?.on('data', (piece: Buffer) => {
    const parts = (rest + piece.toString()).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts.map((line) => JSON.parse(line) as (typeof lines)[number]))
  })
  await eventually(() => lines.some(({ msg }) => msg === 'ready'), PATIENTLY)
})

test('all its connections to Postgres are by TLS', async () => {
  const rows = await asOwner(
    "select distinct ssl from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'app'",
  )
  expect(rows).toEqual([{ ssl: true }])
})

test('a new password of Postgres is taken from the file, without a restart', async () => {
  await asOwner("alter role app password 'second'")
  await asOwner("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'")
  await becomes('postgres', false)
  await put({ password: 'second' })
  await becomes('postgres', true)
  expect(await checks()).toMatchObject({ postgres: true })
})

test('a new password of NATS is taken from the file, however long the old one was refused', async () => {
  await nats.after.restart()
  await nats.before.kill()
  await becomes('nats', false)
  await put({ nats: natsAfter })
  await becomes('nats', true)
  expect(await checks()).toMatchObject({ nats: true })
})

test('a new password of Redis is taken from the file', async () => {
  const { socketUrl, url: over } = redis
  const owner =
    socketUrl === undefined
      ? new Redis(over, { tls: { ca: authority.certPem } })
      : new Redis(socketUrl)
  await owner.config('SET', 'requirepass', 'second')
  await owner.call('CLIENT', 'KILL', 'TYPE', 'normal')
  await becomes('redis', false)
  const url = new URL(redis.url)
  url.password = 'second'
  await put({ redis: url.href })
  await becomes('redis', true)
  expect(await checks()).toMatchObject({ redis: true })
  owner.disconnect()
})

test('a file that became worthless changes nothing, and is told of once', async () => {
  const before = lines.length
  await put({ password: '' })
  await asOwner("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'")
  const told = () => lines.slice(before).filter(({ msg }) => msg.startsWith('DATABASE_PASSWORD'))
  await eventually(() => told().length > 0, PATIENTLY)
  await asOwner("select pg_terminate_backend(pid) from pg_stat_activity where usename = 'app'")
  await eventually(async () => {
    const rows = await asOwner("select from pg_stat_activity where usename = 'app'")
    return rows.length > 0
  }, PATIENTLY)
  await becomes('postgres', true)
  expect(told().map(({ msg }) => msg)).toEqual([
    'DATABASE_PASSWORD is no good, what it held before stays in use',
  ])
  expect(child.exitCode).toBeNull()
})
