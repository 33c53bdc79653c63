import { Resolver } from 'node:dns/promises'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Account } from '@mailx/client/account'
import { signedIn } from '@mailx/client/session'
import type { Stack } from '@mailx/dev-tool/stack'
import { eventually } from '@mailx/testing/eventually'
import type { Pool } from 'pg'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { databaseOf, deploymentOf } from './database.ts'
import { patience, person, receive, send, settled, testStack } from './people.ts'
import { run, start } from './programs.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

let stack: Stack
let database: Pool
let alice: Account
let bob: Account

const hello = (from: Account, ...to: readonly string[]) =>
  send(from, { to, subject: 'Hello', body: 'there' })

beforeAll(async () => {
  stack = await testStack('mailxctl', { a: ['a.test'], b: ['b.test'] })
  database = databaseOf(deploymentOf(stack, 'a'))
  alice = await person(stack, 'alice@a.test')
  bob = await person(stack, 'bob@b.test')
  const there = await hello(alice, 'bob@b.test')
  await settled(alice, there, { 'bob@b.test': 'delivered' })
  const back = await hello(bob, 'alice@a.test')
  await receive(alice, back)
  const flags = { messageIds: [back], add: ['seen'], remove: [] }
  await signedIn(alice, (call) => alice.transport.setFlags(flags, call))
})

afterAll(async () => {
  for (const { transport } of [alice, bob]) transport.close()
  await database.end()
  await stack.stop()
})

const env = () => deploymentOf(stack, 'a').deployment.envOf('operator')
const mailxctl = (...args: readonly string[]) => run('mailxctl', args, { env: env() })

/** What a command answers with --json, line by line. Throws unless it ends with 0. */
async function records<Shape>(...args: readonly string[]): Promise<Shape[]> {
  const { exitCode, stderr, stdout } = await mailxctl('--json', ...args)
  if (exitCode !== 0) throw new Error(`mailxctl ${args.join(' ')}: ${stdout}${stderr}`)
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as Shape)
}

type Lag = { readonly processor: string; readonly lag: number; readonly parked: number }

/** The lag of every processor, once all are at the end of the log. */
const caughtUp = () =>
  eventually(async () => {
    const lags = await records<Lag>('projection', 'lag')
    expect(lags.filter(({ lag }) => lag > 0)).toEqual([])
    return lags
  }, patience)

test('domains shows the record that each hosted domain needs, and takes the database from a file', async () => {
  const file = join(await mkdtemp(join(tmpdir(), 'mailx-url-')), 'url')
  await writeFile(file, `${env().DATABASE_URL}\n`)
  const { HTTP_ENDPOINT = '' } = deploymentOf(stack, 'a').deployment.env
  const resolver = new Resolver()
  resolver.setServers([stack.dns.address])
  const published = (await resolver.resolveTxt('_mailx.a.test')).map((strings) => strings.join(''))
  const { stdout } = await run('mailxctl', ['domains'], {
    env: { DATABASE_URL_FILE: file, HTTP_ENDPOINT },
  })
  expect(stdout).toBe(`_mailx.a.test. TXT "${published[0]}"\n`)
})

test('log tail shows the newest events, their data when asked, and what comes after', async () => {
  type Event = { readonly type: string; readonly partition: string; readonly traceparent: string }
  const events = await records<Event>('log', 'tail', '--partition', 'submission', '--lines', '5')
  expect(events).toMatchObject([{ type: 'MessageAccepted' }])
  expect(events[0]).not.toHaveProperty('data')
  const [told] = await records<object>('log', 'tail', '--partition', 'reception', '--data')
  expect(told).toMatchObject({ type: 'MessageReceived', data: { sender: 'bob@b.test' } })

  const follow = ['log', 'tail', '--partition', 'submission', '--lines', '0', '--follow']
  const tail = start('mailxctl', follow, { env: env() })
  // It says nothing before it follows: messages are sent until one is shown.
  await eventually(async () => {
    await hello(alice, 'bob@b.test')
    expect(tail.written.stdout).toMatch(
      /^\S+Z {2}submission-\d\/\d+ +MessageAccepted +submission\//,
    )
  }, patience)
  tail.process.kill()
  expect((await tail.ended).stderr).toBe('')
})

test('every processor is at the end of the log, with nothing parked', async () => {
  const lags = await caughtUp()
  const schemas = new Set(lags.map(({ processor }) => processor.split('.')[0]))
  expect([...schemas].toSorted((a = '', b = '') => a.localeCompare(b))).toEqual([
    'directory',
    'gateway',
    'identity',
    'inbound',
    'outbound',
    'storage',
    'transparency',
  ])
  expect(lags.filter(({ parked }) => parked > 0)).toEqual([])
  expect(await records('parked', 'list')).toEqual([{ parked: 0 }])
})

/** A fingerprint of the rows of every table of the services, whatever order they lie in. */
async function rowsOfAll(): Promise<Record<string, string>> {
  const { rows } = await database.query<{ name: string }>(
    `select format('%I.%I', t.schemaname, t.tablename) as name from pg_tables t
       where t.tablename not in ('operator_requests', 'pgmigrations') and exists (
         select from pg_tables c where c.schemaname = t.schemaname and c.tablename = 'checkpoints')
       order by 1`,
  )
  const found: Record<string, string> = {}
  for (const { name } of rows) {
    const { rows: counted } = await database.query<{ rows: string }>(
      `select count(*) || ' ' || coalesce(md5(string_agg(t::text, ',' order by t::text)), '') as rows
         from ${name} t`,
    )
    found[name] = counted[0]?.rows ?? ''
  }
  return found
}

test('each projection rebuilt from the log has the same rows as before', async () => {
  const names = [...new Set((await caughtUp()).map(({ processor }) => processor))]
  const before = await rowsOfAll()
  expect(Object.keys(before).length).toBeGreaterThan(20)
  const rebuilt: string[] = []
  const rebuild = async (name: string) => {
    const { exitCode, stdout } = await mailxctl('projection', 'rebuild', name)
    // A reactor has no rows to rebuild, and says so.
    if (exitCode === 0) rebuilt.push(name)
    else expect(stdout).toBe(`${name}: there is no projection ${name} in this service\n`)
  }
  // The services at once, each with one of its projections after the other.
  const perService = Map.groupBy(names, (name) => name.split('.')[0])
  await Promise.all(
    [...perService.values()].map(async (ofService) => {
      for (const name of ofService) await rebuild(name)
    }),
  )
  expect(rebuilt.length).toBeGreaterThan(10)
  expect(await rowsOfAll()).toEqual(before)

  const id = await hello(bob, 'alice@a.test')
  await receive(alice, id)
})

test('an event that cannot be applied is parked, told, and applied when the cause is mended', async () => {
  const mallory = await person(stack, 'mallory@b.test')
  await database.query(
    `alter table storage.entries_received add constraint no_mallory
       check (sender <> 'mallory@b.test') not valid`,
  )
  const poison = await hello(mallory, 'alice@a.test')
  type Parked = { readonly processor: string; readonly type: string; readonly reason: string }
  await eventually(async () => {
    const [parked] = await records<Parked>('parked', 'list')
    expect(parked).toMatchObject({ processor: 'storage.received', type: 'MessageReceived' })
    expect(parked?.reason).toContain('no_mallory')
  }, patience)
  // What comes after it is not held up.
  await receive(alice, await hello(bob, 'alice@a.test'))
  expect((await mailxctl('projection', 'lag')).stdout).toMatch(/storage\.received .*, 1 parked/)

  const replay = () => mailxctl('parked', 'replay', 'storage.received')
  expect((await replay()).stdout).toBe('storage.received: 0 applied, 1 still parked\n')
  await database.query('alter table storage.entries_received drop constraint no_mallory')
  expect((await replay()).stdout).toBe('storage.received: 1 applied, 0 still parked\n')
  expect((await receive(alice, poison)).payload.from).toBe('mallory@b.test')
  expect((await mailxctl('parked', 'list')).stdout).toBe('nothing is parked\n')
  mallory.transport.close()
})

const opsUrl = () => `http://127.0.0.1:${deploymentOf(stack, 'a').deployment.ports.ops}`

test('status tells on one page that all is well, and with exit code 1 what is not', async () => {
  await caughtUp()
  const well = await mailxctl('status', '--ops', opsUrl())
  expect(well.stdout).toMatch(/^a\.test .*\nall is well\n/)
  expect(well.stdout).toMatch(/all-in-one +ready/)
  expect(well.stdout).toMatch(/a\.test certificate runs out in [67] days/)
  expect(well.exitCode, well.stdout).toBe(0)
  const gone = await mailxctl('status', '--ops', 'http://127.0.0.1:9')
  expect(gone.stdout).toContain('! http://127.0.0.1:9 is not ready: does not answer')
  expect(gone.exitCode).toBe(1)
})

test('a support bundle has state, metrics and log lines, and names nobody', async () => {
  const out = join(stack.logDir, '..', 'bundle.json')
  const args = ['support-bundle', '--out', out, '--ops', opsUrl(), '--logs', stack.logDir]
  const { exitCode, stderr } = await mailxctl(...args)
  expect(exitCode, stderr).toBe(0)
  const text = await readFile(out, 'utf8')
  expect(text).not.toMatch(/(alice|bob|mallory)@/)
  const { deployment } = deploymentOf(stack, 'a')
  const own = deployment.envOf('all-in-one')
  const files = ['DATABASE_PASSWORD_FILE', 'NATS_SEED_FILE'].map((name) => own[name] ?? '')
  const secrets = [
    ...['BUS_KEY', 'SESSION_KEY', 'KEY_ENCRYPTION_KEY'].map((name) => deployment.env[name]),
    deployment.ownerEnv['MIGRATION_DATABASE_URL'],
    deployment.envOf('operator')['DATABASE_URL'],
    ...(await Promise.all(files.map((file) => readFile(file, 'utf8')))),
  ].filter((secret) => secret !== undefined)
  expect(secrets).toHaveLength(7)
  expect(secrets.filter((secret) => text.includes(secret))).toEqual([])
  const token = Buffer.from(alice.session?.token ?? new Uint8Array())
  expect(token.length).toBeGreaterThan(16)
  for (const encoding of ['hex', 'base64', 'base64url'] as const) {
    expect(text).not.toContain(token.toString(encoding))
  }
  const bundle = JSON.parse(text) as {
    services: { samples: string[] }[]
    logs: object
    database: object
  }
  expect(bundle.services[0]?.samples.join('\n')).toContain('mailx_projection_lag_events')
  expect(Object.keys(bundle.logs)).toContain('a-all-in-one.log')
  expect(bundle.database).toMatchObject({ status: { domains: ['a.test'] } })
})

describe('log verify', () => {
  type Verdict = { readonly partition: string; readonly sound: boolean; readonly position?: number }

  test('finds the log sound', async () => {
    const verdicts = await records<Verdict>('log', 'verify')
    expect(verdicts.length).toBeGreaterThan(6)
    expect(verdicts.filter(({ sound }) => !sound)).toEqual([])
  })

  test('finds an event that was changed behind the back of the log, and where', async () => {
    const [place] = (
      await database.query<{ partition: string; position: string; data: Buffer }>(
        `select partition, position, data from log.events where type = 'MessageAccepted'
           order by position limit 1`,
      )
    ).rows
    if (place === undefined) throw new Error('nothing was submitted')
    const { data, partition, position } = place
    const write = (bytes: Uint8Array) =>
      database.query('update log.events set data = $3 where partition = $1 and position = $2', [
        partition,
        position,
        bytes,
      ])
    await expect(write(Buffer.from('forged'))).rejects.toThrow('append only')

    await database.query('alter table log.events disable trigger append_only')
    await write(Buffer.from('forged'))
    const broken = await mailxctl('--json', 'log', 'verify')
    expect(broken.exitCode).toBe(1)
    const verdicts = broken.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Verdict)
    expect(verdicts.filter(({ sound }) => !sound)).toMatchObject([
      { partition, position: Number(position), problem: 'the event is not what was written' },
    ])
    await write(data)
    await database.query('alter table log.events enable trigger append_only')
    expect((await mailxctl('log', 'verify', '--partition', partition)).stdout).toMatch(/ sound, /)
  })
})

test('what is wrong is said in one line, with what to do', async () => {
  const [unset, unknown, misspelt] = await Promise.all([
    run('mailxctl', ['log', 'verify']),
    mailxctl('projection', 'rebuild', 'storage.nothing'),
    mailxctl('projection', 'lagg'),
  ])
  expect(unset).toMatchObject({ exitCode: 1, stdout: '' })
  expect(unset.stderr).toMatch(/^mailxctl: DATABASE_URL is not set: write postgres:.*\n$/)
  expect(unknown).toMatchObject({ exitCode: 1, stdout: '' })
  expect(unknown.stderr).toMatch(/^mailxctl: .*storage\.nothing.*storage\.submitted.*\n$/)
  expect(misspelt).toMatchObject({ exitCode: 2 })
})
