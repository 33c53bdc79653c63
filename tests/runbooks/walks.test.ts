import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Account } from '@mailx/client/account'
import { lookUpKeys } from '@mailx/client/look-up-keys'
import { sealDraft, submitSealed } from '@mailx/client/send'
import { openEventLog } from '@mailx/event-log/open-log'
import { encodeEvent } from '@mailx/events/codec'
import { mailboxEvents } from '@mailx/events/mailbox'
import { connectNats } from '@mailx/messaging/connect'
import { streamName } from '@mailx/messaging/streams'
import { eventually } from '@mailx/testing/eventually'
import { jetstreamManager } from '@nats-io/jetstream'
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

test('redis-down', async () => {
  const { ends, fires, servers } = broken
  await servers.redis.kill()
  await fires('MailxRedisDown')
  expect(await broken.firstCommands('redis-down')).toMatch(/redis: .*\(it works without\)/)
  await receive(dave, await send(alice, within('dave@a.test')))
  await servers.redis.restart()
  await ends('MailxRedisDown')
})

test('nats-down, not-ready, bus-full', async () => {
  const { ends, fires, servers } = broken
  await servers.nats.kill()
  await fires('MailxNatsDown')
  await fires('MailxNotReady')
  await receive(dave, await send(alice, within('dave@a.test')))
  await fires('MailxUnpublished')
  await appendElsewhere()
  const said = await broken.firstCommands('nats-down')
  expect(said).toMatch(/! all-in-one is not ready: .*nats: /)
  expect(await broken.firstCommands('not-ready')).toContain('NOT READY')
  await servers.nats.restart()
  await ends('MailxNatsDown')
  await ends('MailxNotReady')
  await ends('MailxUnpublished')
  // Postgres was read for what another process had appended; now the stream is full, too.
  const nats = await connectNats({ url: servers.nats.url, name: 'operator' })
  const { streams } = await jetstreamManager(nats)
  const { config, state } = await streams.info(streamName('submission'))
  await streams.update(config.name, { ...config, max_bytes: state.bytes })
  await fires('MailxBusFull')
  await broken.firstCommands('bus-full')
  await streams.update(config.name, config)
  await nats.close()
  await ends('MailxBusFull')
})

test('postgres-down, submit-availability', async () => {
  const { ends, fires, servers } = broken
  const sealed = await sealDraft(alice, within('dave@a.test'))
  await servers.postgres.kill()
  await fires('MailxPostgresDown')
  await expect(submitSealed(alice, sealed)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  await fires('MailxSubmitAvailability')
  const said = await broken.firstCommands('postgres-down')
  expect(said).toMatch(/! Postgres/)
  expect(said).toContain('NOT READY')
  await broken.firstCommands('submit-availability')
  await servers.postgres.restart()
  await ends('MailxPostgresDown')
  await eventually(() => submitSealed(alice, sealed), patience)
  await receive(dave, sealed.submission.messageId)
})

test('disk-filling', async () => {
  const { ends, fires, moves } = broken
  await fires('MailxDiskFilling')
  expect(await broken.firstCommands('disk-filling')).toContain('Postgres')
  // Four gigabytes are too much here: it moves.
  await database.query(`select pg_create_physical_replication_slot('gone', true)`)
  await database.query(`select pg_logical_emit_message(false, 'walk', repeat('x', 20000000))`)
  await moves('mailx_postgres_wal_kept_bytes', {}, above(20_000_000))
  await ends('MailxWalKept')
  await database.query(`select pg_drop_replication_slot('gone')`)
  await moves('mailx_postgres_wal_kept_bytes', {}, is(0))
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
  await broken.fires('MailxDiskFull')
  expect(await broken.firstCommands('disk-full')).toMatch(/appends refused \(.*STORAGE_FULL\)/)
  await database.query('drop function refuse_as_full cascade')
  await receive(dave, await send(alice, within('dave@a.test')))
})

test('peer-down, queue-growing', async () => {
  const { ends, fires, here, moves, stack } = broken
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
  await fires('MailxPeerDown')
  await eventually(async () => {
    const said = await broken.firstCommands('peer-down')
    expect(said).toMatch(/b\.test: 1, oldest \d+ s, last error [A-Z_]+: /)
  }, patience)
  expect(await failed()).toBeGreaterThan(failedBefore)
  await moves('mailx_discoveries_total', { peer: 'b.test', outcome: 'found' }, above(0))
  // As if it had been accepted a quarter of an hour ago.
  await here.stop()
  await database.query('update outbound.deliveries set accepted_at = accepted_at - 900000')
  await here.restart()
  await fires('MailxQueueOld')
  await broken.firstCommands('queue-growing')
  await peer.restart()
  await settled(alice, sealed.submission.messageId, { 'bob@b.test': 'delivered' })
  await moves(
    'mailx_federation_deliveries_total',
    { peer: 'b.test', outcome: 'accepted' },
    above(0),
  )
  await moves('mailx_peer_connections_total', { peer: 'b.test', outcome: 'ok' }, above(0))
  expect(await broken.firstCommands('queue-growing')).toContain('nothing waits for another domain')
  await ends('MailxQueueOld')
})

test('poison-message', async () => {
  const { ends, fires, moves } = broken
  await database.query(
    `alter table storage.entries_received add constraint poison check (sender <> 'bob@b.test') not valid`,
  )
  const poison = await send(bob, within('alice@a.test'))
  await fires('MailxParkedEvents')
  // Which peer it came from can be seen.
  await moves('mailx_inbound_connections_total', { peer: 'b.test' }, above(0))
  await moves('mailx_inbound_deliveries_total', { peer: 'b.test', status: 'ACCEPTED' }, above(0))
  expect(await broken.firstCommands('poison-message')).toMatch(/storage\.received .*poison/)
  await database.query('alter table storage.entries_received drop constraint poison')
  const env = operator()
  await run('mailxctl', ['parked', 'replay', 'storage.received'], { env })
  await receive(alice, poison)
  await ends('MailxParkedEvents')
})

test('undecided', async () => {
  // Below the floor, where no lane looks, and its time was over long ago.
  await database.query(`
    insert into outbound.deliveries
      select origin, peer, partition, -1, ordinal, sha256('lost'), sender, recipient, 1, 1, 2,
             content_hash, content_size, envelope_hash, envelope_size, attachments, traceparent
        from outbound.deliveries limit 1`)
  await broken.fires('MailxUndecided')
  expect(await broken.firstCommands('undecided')).not.toContain('BROKEN')
  await database.query('delete from outbound.deliveries where position = -1')
  await broken.ends('MailxUndecided')
})

test('projection-lag, local-delivery-slow', async () => {
  const { ends, fires, moves } = broken
  const holder = await database.connect()
  await holder.query('begin; lock table storage.entries_submitted in access exclusive mode')
  const id = await send(alice, within('dave@a.test'))
  await moves('mailx_projection_lag_events', { projection: 'storage.submitted' }, above(0))
  await fires('MailxProjectionLag')
  expect(await broken.firstCommands('projection-lag')).toMatch(
    /storage\.submitted +.* [1-9]\d* behind/,
  )
  await broken.firstCommands('local-delivery-slow')
  await holder.query('rollback')
  holder.release()
  await receive(dave, id)
  await ends('MailxProjectionLag')
  await fires('MailxLocalDeliverySlow')
})

test('remote-delivery-slow', async () => {
  const { fires, moves, stack } = broken
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
  await fires('MailxRemoteDeliverySlow')
})

test('key-log-stale', async () => {
  const { ends, fires, stack } = broken
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
  await fires('MailxKeyLogStale')
  expect(await broken.firstCommands('key-log-stale')).toMatch(/[1-9]\d* key log entries without/)
  await database.query('drop function refuse_heads cascade')
  await ends('MailxKeyLogStale')
  erin.transport.close()
})

test('forged-messages', async () => {
  const { fires, servers } = broken
  const nats = await connectNats({ url: servers.nats.url, name: 'mallory' })
  nats.publish('log.submission.submission-0', 'not sealed')
  await nats.flush()
  await nats.close()
  await fires('MailxForgedMessages')
  expect(await broken.firstCommands('forged-messages')).toContain('a.test')
})

test('split-view', async () => {
  const { fires, moves, stack } = broken
  await moves('mailx_key_log_unsigned_leaves', {}, is(0))
  await database.query(
    `update transparency.nodes set hash = set_byte(hash, 0, get_byte(hash, 0) # 1)
       where level = (select max(level) from transparency.nodes)`,
  )
  const mallory = await person(stack, 'mallory@a.test')
  await fires('MailxKeyLogRefused')
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
  await broken.fires('MailxAbuse')
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
    await broken.fires('MailxOverloaded')
  } finally {
    clearInterval(holding)
    await new Promise((resolve) => setTimeout(resolve, 600))
    process.kill(pid, 'SIGCONT')
  }
  expect(await broken.firstCommands('overloaded')).not.toContain('NOT READY')
  await broken.ends('MailxOverloaded')
})

test('replication-lag', async () => {
  const { moves, stack } = broken
  const role = new URL(broken.here.deployment.envOf('all-in-one')['DATABASE_URL'] ?? '').username
  const replica = await replicaThatReplaysNothing(broken.servers.postgres.url)
  await receive(dave, await send(alice, within('dave@a.test')))
  await database.query(`select pg_logical_emit_message(false, 'walk', repeat('x', 70000000))`)
  await broken.fires('MailxReplicationLag')
  await broken.firstCommands('replication-lag')

  // Without the right to know, it goes on, has no sample, and says so once.
  await database.query(`revoke pg_read_all_stats from "${role}"`)
  const told = async () => {
    const log = await readFile(join(stack.logDir, 'a-all-in-one.log'), 'utf8')
    return log.split('\n').filter((line) => line.includes('may not see how far the replicas'))
  }
  await eventually(async () => {
    expect(await told()).toHaveLength(1)
    expect(await broken.samples('mailx_postgres_replica_lag_bytes')).toEqual([])
  }, patience)
  await receive(dave, await send(alice, within('dave@a.test')))
  const [looks] = await broken.samples('mailx_postgres_transactions_total', {
    outcome: 'committed',
  })
  await moves(
    'mailx_postgres_transactions_total',
    { outcome: 'committed' },
    above(looks?.value ?? 0),
  )
  expect(await told()).toHaveLength(1)
  await database.query(`grant pg_read_all_stats to "${role}" with inherit true`)
  await moves('mailx_postgres_replica_lag_bytes', {}, above(0))
  await replica.end()
  await broken.ends('MailxReplicationLag')
})

test('clock-wrong', async () => {
  const { ends, fires, moves } = broken
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
  await fires('MailxClockWrong')
  await fires('MailxNotReady')
  const said = await broken.firstCommands('clock-wrong')
  expect(said).toMatch(/clock/)
  expect(said).toContain('NOT READY')
  await database.query(`alter database "${name}" reset search_path; drop schema wrong cascade`)
  await again()
  await moves('mailx_ready', {}, is(1))
  await ends('MailxClockWrong')
})

test('key-expiring', async () => {
  const { ends, fires, here, moves } = broken
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
  await fires('MailxKeyExpiring')
  expect(await broken.firstCommands('key-expiring')).toMatch(
    /! the deliver key of a\.test runs out in 2[34] hours/,
  )
  // What kept it from being renewed is mended: a restart tries at once.
  await here.stop()
  await runsOut(1 / 3)
  await here.restart()
  await moves(metric, { use: 'deliver' }, (value) => hoursLeft(value) > 30 * 24)
  await ends('MailxKeyExpiring')
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
  const { fires } = broken
  await database.query(`
    alter table log.events disable trigger append_only;
    update log.events set hash = set_byte(hash, 0, get_byte(hash, 0) # 1)
      where (partition, position) in (
        select name, head from log.partitions where context = 'submission');
    update log.partitions set head_hash = set_byte(head_hash, 0, get_byte(head_hash, 0) # 1)
      where context = 'submission'`)
  await send(alice, within('dave@a.test')).catch(() => undefined)
  await fires('MailxProcessorStuck')
  expect(await broken.firstCommands('processor-stuck')).toContain('BROKEN')
  await broken.firstCommands('restore-and-replay')
  await broken.here.stop()
  await fires('MailxGone')
})

/** An event of which the services hear by the bus, or else by asking Postgres. */
async function appendElsewhere(): Promise<void> {
  const log = await openEventLog({ pool: database })
  const mailbox = 'dave@a.test'
  const data = { mailbox, usedBytes: 0n, quotaBytes: 1n }
  await log.append({
    context: 'mailbox',
    key: mailbox,
    stream: `mailbox/${mailbox}`,
    expectedVersion: 'any',
    events: [encodeEvent(mailboxEvents, { type: 'MailboxFreed', data })],
  })
  await log.close()
}
