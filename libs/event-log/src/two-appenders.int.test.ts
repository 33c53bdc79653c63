import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { EventLog } from './event-log.ts'
import { appendRequest, type TestLog, testLog } from './test-log.ts'
import { verifyLog } from './verify-log.ts'

let db: TestLog

beforeAll(async () => {
  db = await testLog({ contexts: { submission: 1, reception: 1 } })
})
afterAll(() => db.drop())

const appendMany = (log: EventLog, name: string, count: number, context = 'submission') =>
  Promise.all(
    Array.from({ length: count }, (_, i) =>
      log.append(appendRequest({ context, stream: `${name}-${i}` })),
    ),
  )

/** Rounds of parallel appends, so that both sides have many transactions. */
async function appendRounds(log: EventLog, name: string): Promise<bigint[]> {
  const positions: bigint[] = []
  for (let round = 0; round < 20; round += 1) {
    const appended = await appendMany(log, `${name}-${round}`, 20)
    positions.push(...appended.map(({ position }) => position))
  }
  return positions
}

test('two logs of one process take turns on a partition: no gap, no double, one chain', async () => {
  const other = await db.openAnother()
  const [mine, theirs] = await Promise.all([appendRounds(db.log, 'a'), appendRounds(other, 'b')])
  expect(new Set([...mine, ...theirs]).size).toBe(800)
  expect(await verifyLog(db.log, 'submission-0')).toEqual({
    sound: true,
    partition: 'submission-0',
    events: 800n,
  })
})

test('two processes do, too', async () => {
  const before = (await db.log.heads('submission'))[0]?.position ?? 0n
  const script = fileURLToPath(new URL('./append-in-process.fixture.ts', import.meta.url))
  const children = ['c', 'd'].map((name) => fork(script, [db.url, name, '300']))
  const mine = appendRounds(db.log, 'e')
  const exits = await Promise.all(children.map((child) => once(child, 'exit')))
  expect(exits.map(([code]) => code)).toEqual([0, 0])
  await mine
  expect(await verifyLog(db.log, 'submission-0')).toMatchObject({
    sound: true,
    events: before + 1000n,
  })
})

test('both see whose version of a stream came first', async () => {
  const other = await db.openAnother()
  for (let i = 0; i < 30; i += 1) {
    const results = await Promise.allSettled(
      [db.log, other].map((log) => log.append(appendRequest({ stream: `race-${i}` }))),
    )
    expect(results.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    expect(results.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'CONFLICT' },
    })
  }
})

test('batches of two partitions that share blobs do not deadlock', async () => {
  const other = await db.openAnother()
  const blobs = Array.from({ length: 50 }, (_, i) => ({
    hash: new Uint8Array(32).fill(i),
    data: new Uint8Array(10),
  }))
  for (let round = 0; round < 10; round += 1) {
    const append = (log: EventLog, context: string, given: typeof blobs) =>
      log.append(appendRequest({ context, stream: `blobs-${round}`, blobs: given }))
    await Promise.all([
      append(db.log, 'submission', blobs),
      append(other, 'reception', blobs.toReversed()),
    ])
    const { rowCount } = await db.pool.query('delete from mail.blobs')
    expect(rowCount).toBe(50)
  }
})
