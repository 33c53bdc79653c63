import { afterAll, beforeAll, expect, test } from 'vitest'
import { deleteBlobs, readBlobs, writeBlobs } from './blobs.ts'
import { appendRequest, type TestLog, testLog } from './test-log.ts'

let db: TestLog
let clock = 1_000_000_000_000

beforeAll(async () => {
  db = await testLog({ now: () => clock })
})
afterAll(() => db.drop())

const blob = (n: number) => ({ hash: new Uint8Array(32).fill(n), data: new Uint8Array(n) })

test('blobs are written ahead, read by hash, and erased', async () => {
  await writeBlobs(db.pool, [blob(1), blob(2), blob(1)], clock)
  expect(await readBlobs(db.pool, [blob(1).hash, blob(9).hash])).toHaveLength(1)
  expect(await deleteBlobs(db.pool, [blob(1).hash, blob(2).hash], clock + 1)).toBe(2)
  expect(await readBlobs(db.pool, [blob(1).hash])).toEqual([])
})

test('nothing to do is nothing', async () => {
  await writeBlobs(db.pool, [], clock)
  expect(await readBlobs(db.pool, [])).toEqual([])
  expect(await deleteBlobs(db.pool, [], clock)).toBe(0)
})

test('a blob that was named anew is spared by a collector that looked before', async () => {
  await db.log.append(appendRequest({ stream: 'old', blobs: [blob(3)] }))
  clock += 24 * 60 * 60 * 1000
  const lookedAt = clock
  await db.log.append(appendRequest({ stream: 'new', blobs: [blob(3)] }))
  expect(await deleteBlobs(db.pool, [blob(3).hash], lookedAt)).toBe(0)
  expect(await readBlobs(db.pool, [blob(3).hash])).toHaveLength(1)
})
