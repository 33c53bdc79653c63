import { eventually } from '@mailx/testing/eventually'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EventLog } from './event-log.ts'
import { appendRequest, type TestLog, testLog } from './test-log.ts'
import { verifyLog } from './verify-log.ts'

let db: TestLog

beforeEach(async () => {
  db = await testLog({ contexts: { submission: 1 } })
  await db.log.append(appendRequest({ stream: 'before' }))
})
afterEach(() => db.drop())

/** Makes every insert of an event fail as Postgres would for that reason. */
async function failInserts(code: string, condition = 'true') {
  await db.pool.query(`
    create or replace function fail() returns trigger language plpgsql as $$
      begin raise exception 'as if' using errcode = '${code}'; end $$;
    create trigger fail before insert on log.events
      for each row when (${condition}) execute function fail()`)
  return () => db.pool.query('drop trigger fail on log.events')
}

test('a full disk is told as such, reading goes on, and writing resumes by itself', async () => {
  const makeRoom = await failInserts('53100')
  await expect(db.log.append(appendRequest({ stream: 'full' }))).rejects.toMatchObject({
    code: 'STORAGE_FULL',
    message: expect.stringContaining('disk is full'),
  })
  expect(await db.log.readStream(appendRequest({ stream: 'before' }))).toHaveLength(1)
  await makeRoom()
  await expect(db.log.append(appendRequest({ stream: 'full' }))).resolves.toMatchObject({
    position: 2n,
  })
})

test('a read-only server is unavailable for appends and can still be read', async () => {
  const log = await db.openAnother()
  const name = new URL(db.url).pathname.slice(1)
  const setReadOnly = async (readOnly: boolean) => {
    await db.pool.query(`alter database ${name} set default_transaction_read_only = ${readOnly}`)
    await db.pool.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()`,
    )
  }
  await setReadOnly(true)
  await eventually(() => expectReadOnly(log))
  expect(await log.readStream(appendRequest({ stream: 'before' }))).toHaveLength(1)
  // A process that starts now gets as far as a running one.
  await expectReadOnly(await db.openAnother())
  await setReadOnly(false)
  await eventually(() => log.append(appendRequest({ stream: 'writable' })))
})

const expectReadOnly = (log: EventLog) =>
  expect(log.append(appendRequest({ stream: 'read-only' }))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: expect.stringContaining('read-only'),
  })

test('what passes with a retry is retried', async () => {
  await db.pool.query('create sequence tries')
  const stop = await failInserts('40001', "nextval('tries') < 3")
  await expect(db.log.append(appendRequest({ stream: 'retried' }))).resolves.toMatchObject({
    version: 1,
  })
  await stop()
})

test('one request that Postgres refuses does not take the others with it', async () => {
  await failInserts('22000', "new.stream = 'cursed'")
  const results = await Promise.allSettled(
    ['a', 'b', 'cursed', 'c'].map((stream) => db.log.append(appendRequest({ stream }))),
  )
  expect(results.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ])
  expect(results[2]).toMatchObject({ reason: { code: 'INTERNAL' } })
  expect(await verifyLog(db.log, 'submission-0')).toMatchObject({ sound: true, events: 4n })
})
