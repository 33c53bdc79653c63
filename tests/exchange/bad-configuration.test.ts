import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startPostgres } from '@mailx/backends/start-postgres'
import { type Deployment, planDeployment, serviceNames } from '@mailx/dev-tool/deployment'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { sharedServers } from './people.ts'
import { run } from './programs.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

let deployment: Deployment
let owner: Readonly<Record<'DATABASE_URL' | 'NATS_URL', string>>
let folder: string

// A configuration that is right; each test spoils it.
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailx-bad-configuration-'))
  const plan = { name: 'a', domains: ['a.test'], folder, dnsResolver: '127.0.0.1:53' }
  const backends = await sharedServers()
  deployment = await planDeployment({ ...plan, backends })
  owner = { DATABASE_URL: backends.databaseUrl, NATS_URL: backends.natsUrl }
})
afterAll(() => rm(folder, { recursive: true }))

const startWith = (env: Readonly<Record<string, string>>) =>
  run('all-in-one', [], {
    env: { ...deployment.env, ...owner, ...env },
  })

test('all that is wrong is told at once, by variable, with what to write and without any value', async () => {
  const { exitCode, stderr, stdout } = await startWith({
    DATABASE_URL: '',
    BUS_KEY: 'c2VjcmV0',
    CLIENT_LISTEN: 'nonsense',
    DATABASE_CONNECTIONS: 'zero',
    FEDERATION_POLICY: 'sometimes',
    HOSTED_DOMAINS: 'a.test,not a domain',
    LOG_LEVEL: 'loud',
    REDIS_URL: 'http://cache:6379',
    SESION_KEY: 'c2VjcmV0',
    SESSION_KEY: '',
  })
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(stderr.split('\n').map((line) => line.replace(/ \(.*\)$/, ''))).toEqual([
    'all-in-one cannot start: the configuration is wrong',
    '  BUS_KEY: is not 32 bytes in base64',
    '  CLIENT_LISTEN: is neither host:port nor unix:/path',
    '  DATABASE_CONNECTIONS: is not a whole number',
    '  DATABASE_URL: is not set',
    '  FEDERATION_POLICY: is not one of open, allow, deny',
    '  HOSTED_DOMAINS: holds something that is not a domain',
    '  LOG_LEVEL: is not one of trace, debug, info, warn, error, fatal, silent',
    '  REDIS_URL: is not a redis:// URL',
    '  SESION_KEY: is not read',
    '  SESSION_KEY: is not set',
    '',
  ])
  expect(stderr.match(/\((write|did you mean) /g)).toHaveLength(10)
  expect(stderr).not.toMatch(/c2VjcmV0|nonsense|loud|cache:6379/)
})

test('the switch by which a process kills itself is refused in production, and elsewhere if unknown', async () => {
  const crash = { MAILX_CRASH_AT: 'log.after-commit' }
  const inProduction = await startWith({ ...crash, NODE_ENV: 'production' })
  expect(inProduction.exitCode).toBe(1)
  expect(inProduction.stderr).toMatch(/cannot start: MAILX_CRASH_AT .* refused in production/)
  const unknown = await startWith({ MAILX_CRASH_AT: 'log.sometime' })
  expect(unknown.exitCode).toBe(1)
  expect(unknown.stderr).toMatch(/cannot start: MAILX_CRASH_AT is 'log.sometime': write <point>/)
})

test('each service alone names what it lacks', async () => {
  const outcomes = await Promise.all(serviceNames.map((name) => run(name, [])))
  for (const [index, { exitCode, stderr }] of outcomes.entries()) {
    expect(exitCode).toBe(1)
    expect(stderr).toContain(`${serviceNames[index]} cannot start: the configuration is wrong`)
    for (const name of ['DATABASE_URL', 'BUS_KEY'])
      expect(stderr).toContain(`  ${name}: is not set`)
  }
})

/** The last thing that it logs before it ends. */
const lastWords = (stdout: string) =>
  JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as { level: string; msg: string }

test('a Postgres that may lose what it commits is refused, with each setting to change', async () => {
  const unsafe = await startPostgres({ own: true, durable: false, say: () => {} })
  const { exitCode, stdout } = await startWith({ DATABASE_URL: unsafe.url })
  await unsafe.stop()
  expect(exitCode).toBe(1)
  const { level, msg } = lastWords(stdout)
  expect(level).toBe('fatal')
  for (const setting of ['fsync', 'full_page_writes', 'synchronous_commit']) {
    expect(msg).toContain(`set ${setting} = on (it is off)`)
  }
})

test('a NATS without JetStream is refused, with what to set', async () => {
  // Of the protocol, what a server without -js says to a new connection.
  const plain = createServer((socket) => {
    socket.write('INFO {"server_id":"plain","version":"2.10.0","max_payload":1048576}\r\n')
    socket.on('data', (data) => data.includes('PING') && socket.write('PONG\r\n'))
    socket.on('error', () => socket.destroy())
  })
  await once(plain.listen(0, '127.0.0.1'), 'listening')
  const { port } = plain.address() as AddressInfo
  const { exitCode, stdout } = await startWith({ NATS_URL: `nats://127.0.0.1:${port}` })
  plain.close()
  expect(exitCode).toBe(1)
  expect(lastWords(stdout).msg).toContain('start nats-server with -js, or set jetstream {}')
})

test('a switch for development is refused in production', async () => {
  const { exitCode, stdout } = await startWith({ NODE_ENV: 'production' })
  expect(exitCode).toBe(1)
  expect(lastWords(stdout).msg).toMatch(/ALLOW_PRIVATE_PEERS.*development.*unset it/)
})
