import { type ChildProcess, spawn } from 'node:child_process'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import type { Backend } from '@mailx/backends/backend'
import { startNats } from '@mailx/backends/start-nats'
import { startRedis } from '@mailx/backends/start-redis'
import { eventually } from '@mailx/testing/eventually'
import { type TcpProxy, tcpProxy } from '@mailx/testing/tcp-proxy'
import { type TestPostgres, testPostgres } from '@mailx/testing/test-postgres'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import type { Readiness } from './readiness.ts'

type Line = { readonly level: string; readonly msg: string } & Readonly<Record<string, unknown>>

const say = () => {}
let postgres: TestPostgres
let postgresProxy: TcpProxy
let nats: Backend
let redis: Backend
beforeAll(async () => {
  postgres = await testPostgres()
  postgresProxy = await tcpProxy({ target: postgres.url })
  nats = await startNats({ own: true, say })
  redis = await startRedis({ own: true, say })
})
afterAll(async () => {
  await postgresProxy.stop()
  await Promise.all([postgres.drop(), nats.stop(), redis.stop()])
})

const running = new Set<ChildProcess>()
afterEach(() => {
  postgresProxy.set('forward')
  for (const child of running) child.kill('SIGKILL')
})

function start(env: Record<string, string> = {}) {
  const file = fileURLToPath(new URL('./probe-service.ts', import.meta.url))
  const child = spawn(process.execPath, [file], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: postgresProxy.through(postgres.url),
      NATS_URL: nats.url,
      REDIS_URL: redis.url,
      BUS_KEY: Buffer.alloc(32, 7).toString('base64'),
      NODE_ENV: 'test',
      ...env,
    },
  })
  running.add(child)
  const lines: Line[] = []
  let rest = ''
  child.stdout.on('data', (chunk: Buffer) => {
    const parts = (rest + chunk.toString()).split('\n')
    rest = parts.pop() ?? ''
    lines.push(...parts.map((line) => JSON.parse(line) as Line))
  })
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  const exit = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      running.delete(child)
      resolve(code)
    })
  })
  const line = (text: string): Promise<Line> =>
    eventually(() => {
      const found = lines.find(({ msg }) => msg.includes(text))
      if (found === undefined)
        throw new Error(`no line "${text}" in ${JSON.stringify(lines)} ${stderr}`)
      return found
    })
  const get = async (path: string) => {
    const { ops } = await line('is starting')
    return fetch(`http://${String(ops)}${path}`)
  }
  const readiness = async () => (await (await get('/readyz')).json()) as Readiness
  const untilReady = () => eventually(async () => (await readiness()).ready)
  return { child, lines, line, get, readiness, untilReady, exit, stderr: () => stderr }
}

test('a wrong configuration ends it with every problem, by variable', async () => {
  const { exit, stderr, lines } = start({ BUS_KEY: 'short', LOG_PARTITIONS: 'many' })
  expect(await exit).toBe(1)
  expect(stderr()).toMatch(
    /^probe cannot start: the configuration is wrong\n {2}BUS_KEY: .*\n {2}LOG_PARTITIONS: .*\n$/,
  )
  expect(lines).toEqual([])
})

test('it comes up, tells how it is, and goes down in order', async () => {
  const { child, exit, get, line, readiness, untilReady } = start()
  await untilReady()
  expect((await readiness()).checks.map(({ name, ok }) => `${name} ${ok}`)).toEqual([
    'started true',
    'not stopping true',
    'postgres true',
    'nats true',
    'clock true',
    'redis true',
    'probe true',
  ])
  expect((await get('/livez')).status).toBe(200)
  expect((await get('/startupz')).status).toBe(200)
  expect(await (await get('/metrics')).text()).toContain('mailx_ready 1')
  await line('appended')
  child.kill('SIGTERM')
  await line('has stopped')
  expect(await exit).toBe(0)
})

test('with Postgres away it is alive and not ready, says so once, and comes up when it is back', async () => {
  postgresProxy.set('refuse')
  const { get, line, lines, readiness, untilReady } = start()
  await line('cannot reach Postgres: start it or correct DATABASE_URL')
  expect((await get('/livez')).status).toBe(200)
  expect((await get('/startupz')).status).toBe(503)
  expect((await readiness()).ready).toBe(false)
  postgresProxy.set('forward')
  await untilReady()
  expect(lines.filter(({ level }) => level === 'warn').map(({ msg }) => msg)).toEqual([
    expect.stringContaining('cannot reach Postgres'),
    expect.stringContaining('works as the owner of the database'),
  ])
})

test('with NATS away it waits, and a stop while it waits is in order', async () => {
  await nats.kill()
  const { child, exit, line } = start()
  await line('cannot reach NATS: start it or correct NATS_URL')
  child.kill('SIGTERM')
  expect(await exit).toBe(0)
  await nats.restart()
})

test('without Redis it works', async () => {
  const { untilReady, readiness } = start({ REDIS_URL: 'redis://127.0.0.1:1' })
  await untilReady()
  expect((await readiness()).checks.find(({ name }) => name === 'redis')).toMatchObject({
    ok: false,
    optional: true,
  })
})

test('a NATS without JetStream ends it with what to set', async () => {
  const plain = createServer((socket) => {
    socket.write('INFO {"server_id":"plain","version":"2.10.0","max_payload":1048576}\r\n')
    socket.on('data', (data) => {
      if (data.includes('PING')) socket.write('PONG\r\n')
    })
    socket.on('error', () => {})
  })
  await new Promise<void>((listening) => plain.listen(0, '127.0.0.1', listening))
  const { port } = plain.address() as AddressInfo
  const { exit, line } = start({ NATS_URL: `nats://127.0.0.1:${port}` })
  expect(await exit).toBe(1)
  await line('NATS runs without JetStream: start nats-server with -js')
  plain.close()
})

test('a Postgres that would lose commits ends it with what to set', async () => {
  const unsafe = await testPostgres()
  const name = new URL(unsafe.url).pathname.slice(1)
  await unsafe.pool.query(`alter database ${name} set synchronous_commit = off`)
  const { exit, line } = start({ DATABASE_URL: unsafe.url })
  expect(await exit).toBe(1)
  expect((await line('set synchronous_commit = on')).level).toBe('fatal')
  await unsafe.drop()
})

test('NATS and Postgres that go away show in readiness, with the reason, until they are back', async () => {
  const { untilReady, readiness, line } = start()
  await untilReady()
  const wrong = async () =>
    (await readiness()).checks
      .filter(({ ok, optional }) => !ok && !optional)
      .map(({ name }) => name)
  await nats.kill()
  await eventually(async () => (await wrong()).join() === 'nats')
  await nats.restart()
  await untilReady()
  postgresProxy.set('refuse')
  postgresProxy.cut()
  await eventually(async () => (await wrong()).includes('postgres'))
  expect((await line('not ready'))['wrong']).toBeTruthy()
  postgresProxy.set('forward')
  await untilReady()
})

test('a service that needs another one which is not up yet is started again', async () => {
  const { line, untilReady } = start({ PROBE: 'late' })
  const told = await line('probe cannot start yet, something it needs is away')
  expect(told).toMatchObject({ level: 'warn', err: { message: 'identity cannot be reached' } })
  await untilReady()
})

test('an error nobody caught is logged and ends it', async () => {
  const { exit, line } = start({ PROBE: 'stray' })
  expect(await exit).toBe(1)
  expect(await line('an error nobody caught')).toMatchObject({
    level: 'fatal',
    err: { message: 'stray' },
  })
})

test('what Node warns of is a line of the log', async () => {
  const { stderr, line } = start({ PROBE: 'warning' })
  expect(await line('Node warns')).toMatchObject({
    level: 'warn',
    err: { type: 'Warning', message: 'something is odd' },
  })
  expect(stderr()).not.toContain('something is odd')
})

test('a second signal ends it at once', async () => {
  const { child, exit, line, untilReady } = start({ PROBE: 'hang' })
  await untilReady()
  child.kill('SIGTERM')
  await line('is stopping')
  child.kill('SIGTERM')
  expect(await exit).toBe(143)
})

test('a service that does not stop is cut', async () => {
  const { child, exit, line, untilReady } = start({ PROBE: 'hang', SHUTDOWN_GRACE_MS: '0' })
  await untilReady()
  child.kill('SIGINT')
  expect(await exit).toBe(1)
  await line('did not stop within SHUTDOWN_GRACE_MS')
})
