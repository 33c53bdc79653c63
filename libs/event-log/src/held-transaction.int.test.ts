import type { PoolClient } from 'pg'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { EventLog } from './event-log.ts'
import { appendRequest, type TestLog, testLog } from './test-log.ts'

let db: TestLog
let holder: PoolClient

beforeEach(async () => {
  db = await testLog({ contexts: { submission: 2 } })
  holder = await db.pool.connect()
})
afterEach(async () => {
  holder.release(true)
  await db.drop()
})

/** Follows a partition from its start to a position, as a consumer without a bus would. */
async function tail(log: EventLog, partition: string, until: bigint): Promise<bigint[]> {
  const positions: bigint[] = []
  while ((positions.at(-1) ?? 0n) < until) {
    const after = positions.at(-1) ?? 0n
    const events = await log.read({ partition, after, limit: 100 })
    positions.push(...events.map(({ position }) => position))
  }
  return positions
}

const consecutive = (count: number) => Array.from({ length: count }, (_, i) => BigInt(i + 1))
const keyOf = (partition: string) =>
  ['a', 'b', 'c', 'd', 'e'].find((key) => db.log.partitionOf('submission', key) === partition) ?? ''

test('a transaction held open while 1000 others commit: a tailing reader skips nothing', async () => {
  await holder.query('begin isolation level repeatable read')
  await holder.query("insert into mail.blobs values ('\\x00', '\\x00', 0)")
  const tailed = tail(db.log, 'submission-0', 1000n)
  const key = keyOf('submission-0')
  for (let i = 0; i < 1000; i += 20) {
    await Promise.all(
      Array.from({ length: 20 }, (_, k) =>
        db.log.append(appendRequest({ key, stream: `held-${i + k}` })),
      ),
    )
  }
  expect(await tailed).toEqual(consecutive(1000))
})

test('an append held open before COMMIT: those behind it wait, and come out in order', async () => {
  // What an appender does between sending and COMMIT, by hand.
  await holder.query('begin')
  const held = await holder.query(
    `select * from log.append('submission-0', 0, decode(repeat('00', 32), 'hex'), 1,
       '{held}', '{0}', '{held}', '{1}', '{Held}', '{"\\\\x01"}', '{"\\\\x"}', array[decode(repeat('01', 32), 'hex')],
       '{}', '{}')`,
  )
  expect(held.rows[0]).toMatchObject({ outcome: 'appended', head: '1' })
  const tailed = tail(db.log, 'submission-0', 1001n)
  const behind = Promise.all(
    Array.from({ length: 1000 }, (_, i) =>
      db.log.append(appendRequest({ key: keyOf('submission-0'), stream: `behind-${i}` })),
    ),
  )
  // The other partition is not held up.
  await db.log.append(appendRequest({ key: keyOf('submission-1'), stream: 'beside' }))
  expect(await db.log.read({ partition: 'submission-0', after: 0n, limit: 10 })).toEqual([])
  await holder.query('commit')
  await behind
  expect(await tailed).toEqual(consecutive(1001))
})
