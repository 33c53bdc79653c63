import type { Account } from '@mailx/client/account'
import { lookUpKeys } from '@mailx/client/look-up-keys'
import { sealDraft, submitSealed } from '@mailx/client/send'
import { connectNats } from '@mailx/messaging/connect'
import { eventually } from '@mailx/testing/eventually'
import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { databaseOf, deploymentOf } from '../exchange/database.ts'
import { patience, person, receive, send, settled } from '../exchange/people.ts'
import { run } from '../exchange/programs.ts'
import { type BrokenStack, brokenStack, LOOK_UPS } from './broken-stack.ts'
import { replicaThatReplaysNothing } from './idle-replica.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

let broken: BrokenStack
let database: Pool
let alice: Account
let dave: Account
let bob: Account

beforeAll(async () => {
  broken = await brokenStack()
  database = databaseOf(broken.here)
  database.on('error', () => {})
  const { stack } = broken
  alice = await person(stack, 'alice@a.test')
  dave = await person(stack, 'dave@a.test')
  bob = await person(stack, 'bob@b.test')
})
afterAll(async () => {
  for (const { transport } of [alice, dave, bob]) transport.close()
  await database.end()
  await broken.stop()
})

const above = (least: number) => (value: number) => value > least
const is = (wanted: number) => (value: number) => value === wanted
const within = (to: string) => ({ to: [to], subject: 'Walk', body: '', keepCopy: false })

/** The value of a metric now, all samples together. */
const total = async (name: string, labels = {}) =>
  (await broken.samples(name, labels)).reduce((sum, { value }) => sum + value, 0)

/** How many took longer than the objective allows. */
const late = async () =>
  (await total('mailx_mailbox_delivery_seconds_count', { from: 'user' })) -
  (await total('mailx_mailbox_delivery_seconds_bucket', { from: 'user', le: '0.1' }))

const slow = async () =>
  (await total('mailx_remote_delivery_seconds_count', { prompt: 'yes' })) -
  (await total('mailx_remote_delivery_seconds_bucket', { prompt: 'yes', le: '1' }))

test('redis-down', async () => {
  const { moves, servers } = broken
  await servers.redis.kill()
  await moves('mailx_backend_up', { backend: 'redis' }, is(0))
  expect(await broken.firstCommands('redis-down')).toMatch(/redis: .*\(it works without\)/)
  await receive(dave, await send(alice, within('dave@a.test')))
  await servers.redis.restart()
  await moves('mailx_backend_up', { backend: 'redis' }, is(1))
})

test('nats-down, not-ready', async () => {
  const { moves, servers } = broken
  await servers.nats.kill()
  await moves('mailx_backend_up', { backend: 'nats' }, is(0))
  await moves('mailx_ready', {}, is(0))
  await receive(dave, await send(alice, within('dave@a.test')))
  await moves('mailx_bus_unpublished_events', { context: 'submission' }, above(0))
  const said = await broken.firstCommands('nats-down')
  expect(said).toMatch(/! all-in-one is not ready: .*nats: /)
  expect(await broken.firstCommands('not-ready')).toContain('NOT READY')
  await servers.nats.restart()
  await moves('mailx_backend_up', { backend: 'nats' }, is(1))
  await moves('mailx_bus_unpublished_events', { context: 'submission' }, is(0))
})

test('postgres-down, submit-availability', async () => {
  const { moves, servers } = broken
  const sealed = await sealDraft(alice, within('dave@a.test'))
  await servers.postgres.kill()
  await moves('mailx_backend_up', { backend: 'postgres' }, is(0))
  await expect(submitSealed(alice, sealed)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await moves('mailx_gateway_submissions_total', { code: 'UNAVAILABLE' }, above(0))
  const said = await broken.firstCommands('postgres-down')
  expect(said).toMatch(/! Postgres/)
  expect(said).toContain('NOT READY')
  await broken.firstCommands('submit-availability')
  await servers.postgres.restart()
  await moves('mailx_backend_up', { backend: 'postgres' }, is(1))
  await eventually(() => submitSealed(alice, sealed), patience)
  await receive(dave, sealed.submission.messageId)
})

test('disk-full', async () => {
  await database.query(`
    create function refuse_as_full() returns trigger language plpgsql as $$
    begin
      raise exception 'No space left on device' using errcode = 'disk_full';
    end $$;
    create trigger disk_full before insert on log.events
      for each statement execute function refuse_as_full()`)
  await expect(send(alice, within('dave@a.test'))).rejects.toMatchObject({ code: 'STORAGE_FULL' })
  await broken.moves('mailx_log_append_failures_total', { code: 'STORAGE_FULL' }, above(0))
  expect(await broken.firstCommands('disk-full')).toMatch(/appends refused \(.*STORAGE_FULL\)/)
  await database.query('drop function refuse_as_full cascade')
  await receive(dave, await send(alice, within('dave@a.test')))
})

test('peer-down, queue-growing', async () => {
  const { moves, stack } = broken
  const peer = deploymentOf(stack, 'b')
  const failed = async () => {
    const outcomes = await broken.samples('mailx_federation_deliveries_total', { peer: 'b.test' })
    const others = outcomes.filter(({ labels }) => labels['outcome'] !== 'accepted')
    return others.reduce((sum, { value }) => sum + value, 0)
  }
  const sealed = await sealDraft(alice, within('bob@b.test'))
  await peer.stop()
  await submitSealed(alice, sealed)
  const failedBefore = await failed()
  await moves('mailx_delivery_queue_age_seconds', { peer: 'b.test' }, above(0))
  await eventually(async () => {
    const said = await broken.firstCommands('peer-down')
    expect(said).toMatch(/b\.test: 1, oldest \d+ s, last error [A-Z_]+: /)
  }, patience)
  expect(await failed()).toBeGreaterThan(failedBefore)
  await broken.firstCommands('queue-growing')
  await peer.restart()
  await settled(alice, sealed.submission.messageId, { 'bob@b.test': 'delivered' })
  await moves(
    'mailx_federation_deliveries_total',
    { peer: 'b.test', outcome: 'accepted' },
    above(0),
  )
  expect(await broken.firstCommands('queue-growing')).toContain('nothing waits for another domain')
})

test('poison-message', async () => {
  const { moves } = broken
  await database.query(
    `alter table storage.entries_received add constraint poison check (sender <> 'bob@b.test') not valid`,
  )
  const poison = await send(bob, within('alice@a.test'))
  await moves('mailx_parked_events', { projection: 'storage.received' }, is(1))
  expect(await broken.firstCommands('poison-message')).toMatch(/storage\.received .*poison/)
  await database.query('alter table storage.entries_received drop constraint poison')
  const env = operator()
  await run('mailxctl', ['parked', 'replay', 'storage.received'], { env })
  await receive(alice, poison)
  await moves('mailx_parked_events', { projection: 'storage.received' }, is(0))
})

test('projection-lag, local-delivery-slow', async () => {
  const { moves } = broken
  const before = await late()
  const holder = await database.connect()
  await holder.query('begin; lock table storage.entries_submitted in access exclusive mode')
  const id = await send(alice, within('dave@a.test'))
  await moves('mailx_projection_lag_events', { projection: 'storage.submitted' }, above(0))
  await moves('mailx_projection_lag_seconds', { projection: 'storage.submitted' }, above(0.2))
  expect(await broken.firstCommands('projection-lag')).toMatch(
    /storage\.submitted +.* [1-9]\d* behind/,
  )
  await broken.firstCommands('local-delivery-slow')
  await holder.query('rollback')
  holder.release()
  await receive(dave, id)
  await moves('mailx_projection_lag_seconds', { projection: 'storage.submitted' }, is(0))
  expect(await late()).toBeGreaterThan(before)
})

test('remote-delivery-slow', async () => {
  const { moves, stack } = broken
  const before = await slow()
  const there = databaseOf(deploymentOf(stack, 'b'))
  const holder = await there.connect()
  await holder.query(`begin; select from log.partitions where context = 'reception' for update`)
  const id = await send(alice, within('bob@b.test'))
  await moves('mailx_delivery_queue_age_seconds', { peer: 'b.test' }, above(1.2))
  await broken.firstCommands('remote-delivery-slow')
  await holder.query('rollback')
  holder.release()
  await there.end()
  await settled(alice, id, { 'bob@b.test': 'delivered' })
  await eventually(async () => expect(await slow()).toBeGreaterThan(before), patience)
})

test('key-log-stale', async () => {
  const { moves, stack } = broken
  await database.query(`
    create function refuse_heads() returns trigger language plpgsql as $$
    begin
      if new.partition like 'transparency-%' then
        raise exception 'away' using errcode = 'cannot_connect_now';
      end if;
      return new;
    end $$;
    create trigger no_heads before insert on log.events
      for each row execute function refuse_heads()`)
  const erin = await person(stack, 'erin@a.test')
  await moves('mailx_key_log_unsigned_leaves', {}, above(0))
  expect(await broken.firstCommands('key-log-stale')).toMatch(/[1-9]\d* key log entries without/)
  await database.query('drop function refuse_heads cascade')
  await moves('mailx_key_log_unsigned_leaves', {}, is(0))
  erin.transport.close()
})

test('forged-messages', async () => {
  const { moves, servers } = broken
  const nats = await connectNats({ url: servers.nats.url, name: 'mallory' })
  nats.publish('log.submission.submission-0', 'not sealed')
  await nats.flush()
  await nats.close()
  await moves('mailx_bus_refused_batches_total', { context: 'submission' }, above(0))
  expect(await broken.firstCommands('forged-messages')).toContain('a.test')
})

test('split-view', async () => {
  const { moves, stack } = broken
  await moves('mailx_key_log_unsigned_leaves', {}, is(0))
  await database.query(
    `update transparency.nodes set hash = set_byte(hash, 0, get_byte(hash, 0) # 1)
       where level = (select max(level) from transparency.nodes)`,
  )
  const mallory = await person(stack, 'mallory@a.test')
  await moves('mailx_key_log_refusals_total', { code: 'CORRUPT_LOG' }, above(0))
  expect(await broken.firstCommands('split-view')).not.toContain('BROKEN')
  const env = operator()
  const rebuilt = await run('mailxctl', ['projection', 'rebuild', 'transparency.key-log'], { env })
  expect(rebuilt).toMatchObject({ exitCode: 0, stderr: '' })
  await moves('mailx_key_log_unsigned_leaves', {}, is(0))
  mallory.transport.close()
})

test('abuse-wave', async () => {
  const { stack } = broken
  const mallory = await person(stack, 'nosy@a.test')
  const strangers = Array.from({ length: 3 * LOOK_UPS }, (_, index) => `nobody-${index}@a.test`)
  const answers = await Promise.allSettled(
    strangers.map((address) => lookUpKeys(mallory, [address], { fresh: true })),
  )
  const refused = answers.filter(
    (answer) => answer.status === 'rejected' && answer.reason.code === 'RATE_LIMITED',
  )
  expect(refused.length).toBeGreaterThan(LOOK_UPS)
  await broken.moves('mailx_rate_limit_decisions_total', { decision: 'refused' }, above(LOOK_UPS))
  await broken.firstCommands('abuse-wave')
  // Nobody else is held up.
  await receive(dave, await send(alice, within('dave@a.test')))
  mallory.transport.close()
})

test('overloaded', async () => {
  const pid = broken.here.processes[0]?.process.pid
  if (pid === undefined) throw new Error('a.test has no process')
  // As a core does that has too much to do: it gets to its work late, again and again.
  const holding = setInterval(() => {
    process.kill(pid, 'SIGSTOP')
    setTimeout(() => process.kill(pid, 'SIGCONT'), 600)
  }, 700)
  try {
    await broken.moves('nodejs_eventloop_lag_p99_seconds', {}, above(0.25))
  } finally {
    clearInterval(holding)
    await new Promise((resolve) => setTimeout(resolve, 600))
    process.kill(pid, 'SIGCONT')
  }
  await broken.firstCommands('overloaded')
  await broken.moves('nodejs_eventloop_lag_p99_seconds', {}, (value) => value < 0.1)
})

test('replication-lag', async () => {
  const role = new URL(broken.here.deployment.envOf('all-in-one')['DATABASE_URL'] ?? '').username
  await database.query(`grant pg_monitor to "${role}" with inherit true`)
  const replica = await replicaThatReplaysNothing(broken.servers.postgres.url)
  await receive(dave, await send(alice, within('dave@a.test')))
  await broken.moves('mailx_postgres_replica_lag_bytes', {}, above(0))
  await broken.firstCommands('replication-lag')
  await replica.end()
})

test('clock-wrong', async () => {
  const { moves } = broken
  const { rows } = await database.query<{ name: string }>('select current_database() as name')
  const name = rows[0]?.name
  const again = () =>
    database.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()',
      [name],
    )
  await database.query(`
    create schema wrong;
    grant usage on schema wrong to public;
    create function wrong.clock_timestamp() returns timestamptz language sql
      as $$ select pg_catalog.clock_timestamp() + interval '1 hour' $$;
    alter database "${name}" set search_path = wrong, pg_catalog`)
  await again()
  await moves('mailx_clock_offset_seconds', {}, (value) => value < -3_000)
  await moves('mailx_ready', {}, is(0))
  const said = await broken.firstCommands('clock-wrong')
  expect(said).toMatch(/clock/)
  expect(said).toContain('NOT READY')
  await database.query(`alter database "${name}" reset search_path; drop schema wrong cascade`)
  await again()
  await moves('mailx_ready', {}, is(1))
  await moves('mailx_clock_offset_seconds', {}, (value) => value > -5)
})

test('key-expiring', async () => {
  const { here, moves } = broken
  const runsOut = (afterHours: number) =>
    database.query(
      `update outbound.vault set not_before = $1, not_after = $2 where use = 'deliver'`,
      [Date.now() - 3_600_000, Date.now() + afterHours * 3_600_000],
    )
  // What nobody could renew. It is not due by its own term, so that a restart does not renew it, either.
  await here.stop()
  await runsOut(24)
  await here.restart()
  const metric = 'mailx_operational_key_expiry_timestamp_seconds'
  const hoursLeft = (value: number) => (value - Date.now() / 1000) / 3_600
  await moves(metric, { use: 'deliver' }, (value) => hoursLeft(value) < 48)
  expect(await broken.firstCommands('key-expiring')).toMatch(
    /! the deliver key of a\.test runs out in 2[34] hours/,
  )
  // What kept it from being renewed is mended: a restart tries at once.
  await here.stop()
  await runsOut(1 / 3)
  await here.restart()
  await moves(metric, { use: 'deliver' }, (value) => hoursLeft(value) > 30 * 24)
  const id = await eventually(() => send(alice, within('bob@b.test')), patience)
  await settled(alice, id, { 'bob@b.test': 'delivered' })
  expect(await broken.firstCommands('key-expiring')).not.toContain('! the deliver key')
})

test('key-compromise', async () => {
  const { here } = broken
  const keys = async () => {
    const text = `select encode(public_key, 'hex') as key from outbound.vault where use = 'deliver'`
    const { rows } = await database.query<{ key: string }>(text)
    return rows.map(({ key }) => key)
  }
  const stolen = await keys()
  expect(stolen.length).toBeGreaterThan(0)
  await here.stop()
  await database.query(`delete from outbound.vault where use = 'deliver'`)
  await here.restart()
  await eventually(async () => expect(await keys()).toHaveLength(1), patience)
  expect(stolen).not.toContain((await keys())[0])
  const id = await eventually(() => send(alice, within('bob@b.test')), patience)
  await settled(alice, id, { 'bob@b.test': 'delivered' })
  expect(await broken.firstCommands('key-compromise')).not.toContain('BROKEN')
})

const operator = () => broken.here.deployment.envOf('operator')

// The last one: afterwards nothing can be mended here.
test('processor-stuck, restore-and-replay', async () => {
  const { moves } = broken
  await database.query(`
    alter table log.events disable trigger append_only;
    update log.events set hash = set_byte(hash, 0, get_byte(hash, 0) # 1)
      where (partition, position) in (
        select name, head from log.partitions where context = 'submission');
    update log.partitions set head_hash = set_byte(head_hash, 0, get_byte(head_hash, 0) # 1)
      where context = 'submission'`)
  await send(alice, within('dave@a.test')).catch(() => undefined)
  await moves('mailx_projection_stuck', {}, is(1))
  expect(await broken.firstCommands('processor-stuck')).toContain('BROKEN')
  await broken.firstCommands('restore-and-replay')
})
