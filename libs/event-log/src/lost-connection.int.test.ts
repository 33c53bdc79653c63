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

beforeEach(async () => {
  db = await testLog({ contexts: { submission: 1 } })
  proxy = await tcpProxy({ target: db.url })
  log = await db.openAnother({ url: proxy.through(db.url), doubtMs: 500 })
  await log.append(appendRequest({ stream: 'first' }))
  holder = await db.pool.connect()
})
afterEach(async () => {
  holder.release(true)
  proxy.set('forward')
  await db.drop()
  await proxy.stop()
})

const stored = (stream: string) => db.log.readStream(appendRequest({ stream }))

/** An append that Postgres has received and cannot finish until `letGo`. */
async function appendHeldUp(stream: string) {
  await holder.query('begin; select 1 from log.partitions for update')
  const outcome = log.append(appendRequest({ stream })).then(
    () => 'appended',
    (error) => `${error.code}: ${error.message}`,
  )
  await eventually(async () => {
    const { rows } = await db.pool.query('select 1 from pg_locks where not granted')
    return rows.length === 1
  })
  return { outcome, letGo: () => holder.query('commit') }
}

test('the answer to COMMIT is lost: the append is found in the log and reported as done', async () => {
  const { outcome, letGo } = await appendHeldUp('answer-lost')
  proxy.set('discard')
  await letGo()
  await eventually(async () => (await stored('answer-lost')).length === 1)
  proxy.set('forward')
  proxy.cut()
  expect(await outcome).toBe('appended')
  expect(await verifyLog(db.log, 'submission-0')).toMatchObject({ sound: true, events: 2n })
})

test('the connection breaks before COMMIT: the append is made again, once', async () => {
  const { outcome, letGo } = await appendHeldUp('broken')
  // Postgres does not notice: the first attempt still goes through, before or instead of the second.
  proxy.cut()
  await letGo()
  expect(await outcome).toBe('appended')
  expect(await stored('broken')).toHaveLength(1)
})

test('nobody can tell whether it was committed: the caller is told so, and may try again', async () => {
  const { outcome, letGo } = await appendHeldUp('unknown')
  proxy.set('refuse')
  proxy.cut()
  expect(await outcome).toMatch(/UNAVAILABLE: .*not known/)
  await letGo()
  await eventually(async () => (await stored('unknown')).length === 1)
  proxy.set('forward')
  await expect(log.append(appendRequest({ stream: 'unknown' }))).rejects.toMatchObject({
    code: 'CONFLICT',
  })
  expect(await stored('unknown')).toHaveLength(1)
})

test('an attempt that arrives after it was given up finds that the head moved', async () => {
  const [before] = await db.log.heads()
  await log.append(appendRequest({ stream: 'second' }))
  const late = await db.pool.query(
    `select outcome, heads from log.append_together('{submission-0}', array[$1::bigint], array[$2::bytea],
       array[$1::bigint + 1], array[$2::bytea], 1, '{submission-0}', '{late}', '{0}', '{submission-0}',
       array[$1::bigint + 1], '{late}', '{1}', '{Late}', array['\\x01'::bytea], array[''::bytea],
       array[$2::bytea], '{}', '{}')`,
    [before?.position.toString(), before?.hash],
  )
  expect(late.rows).toEqual([{ outcome: 'moved', heads: ['2'] }])
  expect(await stored('late')).toEqual([])
})

test('while Postgres cannot be reached appends are refused as unavailable, and then go on', async () => {
  proxy.set('refuse')
  proxy.cut()
  for (const stream of ['down-1', 'down-2']) {
    await expect(log.append(appendRequest({ stream }))).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      retryAfterMs: expect.any(Number),
    })
  }
  await expect(log.heads()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  proxy.set('forward')
  await expect(log.append(appendRequest({ stream: 'up' }))).resolves.toMatchObject({ version: 1 })
  expect(await stored('down-1')).toEqual([])
})
