import { eventually } from '@mailx/testing/eventually'
import { type TcpProxy, tcpProxy } from '@mailx/testing/tcp-proxy'
import type { PoolClient } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EventLog } from './event-log.ts'
import { appendRequest, type TestLog, testLog } from './test-log.ts'
import { verifyLog } from './verify-log.ts'

let db: TestLog
let proxy: TcpProxy
let log: EventLog
let holder: PoolClient

const keys = ['a@a.test', 'b@a.test', 'c@a.test', 'd@a.test', 'e@a.test', 'f@a.test']
const partitions = ['submission-0', 'submission-1', 'submission-2']
const keyOf = (partition: string) =>
  keys.find((key) => db.log.partitionOf('submission', key) === partition) ?? ''

beforeEach(async () => {
  db = await testLog({ contexts: { submission: 3 } })
  proxy = await tcpProxy({ target: db.url })
  // Whoever writes first to a partition locks its head; after that it knows the head.
  log = await db.openAnother({ url: proxy.through(db.url), doubtMs: 2000 })
  await Promise.all(partitions.map((partition) => append(partition, 'first')))
  holder = await db.pool.connect()
})
afterEach(async () => {
  holder.release(true)
  proxy.set('forward')
  await db.drop()
  await proxy.stop()
})

const append = (partition: string, stream: string, expectedVersion = 0) =>
  log.append(appendRequest({ key: keyOf(partition), stream, expectedVersion }))

const appendToAll = (stream: string) =>
  Promise.allSettled(partitions.map((partition) => append(partition, stream)))

/** The transactions that wrote a stream's events, by partition. */
async function transactions(stream: string): Promise<string[]> {
  const { rows } = await db.pool.query<{ xmin: string }>(
    'select xmin::text from log.events where stream = $1 order by partition',
    [stream],
  )
  return rows.map(({ xmin }) => xmin)
}

async function expectSound(events: bigint): Promise<void> {
  for (const partition of partitions) {
    expect(await verifyLog(db.log, partition)).toMatchObject({ sound: true, events })
  }
}

const statuses = (results: readonly PromiseSettledResult<unknown>[]) =>
  results.map(({ status }) => status)

test('what comes for several partitions together is one transaction', async () => {
  const results = await appendToAll('together')
  expect(results).toMatchObject(
    partitions.map((partition) => ({ value: { partition, position: 2n, version: 1 } })),
  )
  expect(new Set(await transactions('together')).size).toBe(1)
  await expectSound(2n)
})

test('a conflict in one partition is none in the others', async () => {
  const [taken, ...free] = await Promise.allSettled([
    append('submission-0', 'first'),
    append('submission-1', 'second'),
    append('submission-2', 'first', 1),
  ])
  expect(taken).toMatchObject({ reason: { code: 'CONFLICT' } })
  expect(free).toMatchObject([{ value: { position: 2n } }, { value: { position: 2n, version: 2 } }])
})

test('a head that another process moved is found, and all get their place', async () => {
  await db.log.append(appendRequest({ key: keyOf('submission-1'), stream: 'by another' }))
  const results = await appendToAll('moved')
  expect(results).toMatchObject([
    { value: { position: 2n } },
    { value: { position: 3n } },
    { value: { position: 2n } },
  ])
  await log.append(
    appendRequest({ key: keyOf('submission-1'), stream: 'by another', expectedVersion: 1 }),
  )
})

test('a partition that somebody holds is waited for by nobody else', async () => {
  await holder.query("begin; select 1 from log.partitions where name = 'submission-1' for update")
  const held = append('submission-1', 'held')
  await Promise.all(['submission-0', 'submission-2'].map((partition) => append(partition, 'held')))
  expect(
    await db.log.readStream(appendRequest({ key: keyOf('submission-1'), stream: 'held' })),
  ).toEqual([])
  await holder.query('commit')
  await held
  await expectSound(2n)
})

test('what Postgres refuses in one partition is stored in the others', async () => {
  await db.pool.query(`
    create or replace function fail() returns trigger language plpgsql as $$
      begin raise exception 'as if' using errcode = '22000'; end $$;
    create trigger fail before insert on log.events
      for each row when (new.partition = 'submission-1') execute function fail()`)
  expect(statuses(await appendToAll('refused'))).toEqual(['fulfilled', 'rejected', 'fulfilled'])
})

test.each([
  ['of a partition beside those asked for', '{submission-0}', '{submission-1}', '{2}'],
  ['of which one is missing', '{submission-0}', '{submission-0}', '{3}'],
])('events %s are refused', async (_, asked, events, ends) => {
  const query = db.pool.query(
    `select * from log.append_together($1, '{1}', '{x}', $2, '{x}', 0, '{}', '{}', '{}', $3,
       '{2}', '{s}', '{1}', '{T}', '{x}', '{x}', '{x}', '{}', '{}')`,
    [asked, ends, events],
  )
  await expect(query).rejects.toMatchObject({ code: '22023' })
  await expectSound(1n)
})

test('who may not append to one of the partitions writes to none of them at once', async () => {
  await db.pool.query(`
    create role stranger;
    grant usage on schema log to stranger;
    grant execute on all functions in schema log to stranger`)
  try {
    await holder.query('set session authorization stranger')
    const query = holder.query(
      `select * from log.append_together($1, '{1,1}', '{x,x}', '{2,2}', '{x,x}', 0, '{}', '{}', '{}', $1,
         '{2,2}', '{s,s}', '{1,1}', '{T,T}', '{x,x}', '{x,x}', '{x,x}', '{}', '{}')`,
      [['submission-0', 'submission-1']],
    )
    await expect(query).rejects.toMatchObject({ code: '42501' })
  } finally {
    await holder.query('reset session authorization')
    await db.pool.query('drop owned by stranger; drop role stranger')
  }
})

/** Appends to all that Postgres has received and cannot finish until `letGo`: somebody else is storing their blob. */
async function appendHeldUp(stream: string) {
  const hash = Buffer.alloc(32, 7)
  await holder.query('begin')
  await holder.query('insert into mail.blobs values ($1, $1, 0)', [hash])
  const blobs = [{ hash, data: hash }]
  const appended = Promise.all(
    partitions.map((partition) =>
      log.append(appendRequest({ key: keyOf(partition), stream, blobs })),
    ),
  )
  await eventually(async () => {
    const { rows } = await db.pool.query('select 1 from pg_locks where not granted')
    expect(rows).toHaveLength(1)
  })
  return { appended, letGo: () => holder.query('commit') }
}

test('the answer to COMMIT is lost: all are found in the log, and none is written twice', async () => {
  const { appended, letGo } = await appendHeldUp('lost')
  proxy.set('discard', 'from-target')
  await letGo()
  await eventually(async () => expect(await transactions('lost')).toHaveLength(3))
  proxy.set('forward')
  proxy.cut()
  await appended
  expect(new Set(await transactions('lost')).size).toBe(1)
  await expectSound(2n)
})

test('the connection breaks before COMMIT: all are written, once', async () => {
  const { appended, letGo } = await appendHeldUp('broken')
  // Postgres does not notice: the first attempt still goes through, before or instead of the second.
  proxy.cut()
  await letGo()
  expect(await appended).toMatchObject([{ position: 2n }, { position: 2n }, { position: 2n }])
  await expectSound(2n)
})
