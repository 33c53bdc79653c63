import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { readBlobs } from './blobs.ts'
import type { CommittedBatch } from './event-log.ts'
import { openEventLog } from './open-log.ts'
import { appendRequest, type TestLog, testLog } from './test-log.ts'
import { verifyLog } from './verify-log.ts'

let db: TestLog

beforeAll(async () => {
  db = await testLog()
})
afterAll(() => db.drop())

const outcome = (results: readonly PromiseSettledResult<unknown>[]) =>
  results.map((result) => (result.status === 'fulfilled' ? 'appended' : result.reason.code))

const appendAt = (stream: string, versions: readonly (number | 'any')[]) =>
  Promise.allSettled(
    versions.map((expectedVersion) => db.log.append(appendRequest({ stream, expectedVersion }))),
  )

const randomBlob = () => ({ hash: randomBytes(32), data: randomBytes(6000) })

test('what was appended is read back as it was, in order', async () => {
  const data = randomBytes(5000)
  const metadata = { actor: 'gateway', causation: 'mail-0/7' }
  const events = [
    { type: 'First', data, metadata },
    { type: 'Second', data: new Uint8Array(0) },
  ]
  const request = appendRequest({ stream: 'read-back', events })
  const appended = await db.log.append(request)
  expect(appended).toMatchObject({
    version: 2,
    partition: db.log.partitionOf('submission', request.key),
  })
  const stored = await db.log.readStream(request)
  expect(stored.map(({ type, version }) => [type, version])).toEqual([
    ['First', 1],
    ['Second', 2],
  ])
  expect(Buffer.compare(stored[0]?.data ?? new Uint8Array(), data)).toBe(0)
  expect(stored[1]).toMatchObject({ position: appended.position, recordedAt: appended.recordedAt })
})

test('positions are gapless and the chain unbroken whatever comes at once', async () => {
  await Promise.all(
    Array.from({ length: 1000 }, (_, i) =>
      db.log.append(appendRequest({ key: `user${i}@a.test`, stream: `gapless-${i}` })),
    ),
  )
  for (const partition of db.log.partitionsOf('submission')) {
    expect(await verifyLog(db.log, partition)).toMatchObject({ sound: true })
  }
})

test('a conflict fails only its own caller', async () => {
  await db.log.append(appendRequest({ stream: 'taken' }))
  const requests = ['free-1', 'taken', 'free-2', 'taken', 'free-3'].map((stream) =>
    db.log.append(appendRequest({ stream })),
  )
  const results = await Promise.allSettled(requests)
  expect(outcome(results)).toEqual(['appended', 'CONFLICT', 'appended', 'CONFLICT', 'appended'])
  const [, conflict] = results
  expect(conflict).toMatchObject({ reason: { message: expect.stringMatching(/taken.* 1,.* 0/) } })
})

test('of two that claim the same version at once, one gets it', async () => {
  const results = await Promise.allSettled([
    db.log.append(appendRequest({ stream: 'twice' })),
    db.log.append(appendRequest({ stream: 'twice' })),
  ])
  expect(outcome(results)).toEqual(['appended', 'CONFLICT'])
})

test('a second append in the same batch sees the version of the first', async () => {
  const results = await appendAt('follow', [0, 1, 2, 7, 1])
  expect(outcome(results)).toEqual(['appended', 'appended', 'appended', 'CONFLICT', 'CONFLICT'])
  expect(await db.log.readStream(appendRequest({ stream: 'follow' }))).toHaveLength(3)
})

test('a right request is not dragged down by a wrong one before it for the same stream', async () => {
  const results = await appendAt('wrong-first', [5, 0, 6])
  expect(outcome(results)).toEqual(['CONFLICT', 'appended', 'CONFLICT'])
})

test('a version beyond the end of the stream is a conflict, not a gap', async () => {
  await expect(
    db.log.append(appendRequest({ stream: 'beyond', expectedVersion: 3 })),
  ).rejects.toMatchObject({ code: 'CONFLICT' })
})

test('"any" version continues the stream wherever it is', async () => {
  const together = await appendAt('any', ['any', 'any', 'any'])
  expect(together).toMatchObject([1, 2, 3].map((version) => ({ value: { version } })))
  expect(await appendAt('any', ['any'])).toMatchObject([{ value: { version: 4 } }])
})

test('the same stream name in two partitions is two streams', async () => {
  const keys = ['a', 'b', 'c', 'd', 'e']
  const partitions = new Set(keys.map((key) => db.log.partitionOf('submission', key)))
  expect(partitions.size).toBe(2)
  const appended = keys.map((key) => db.log.append(appendRequest({ key, stream: 'shared-name' })))
  expect(outcome(await Promise.allSettled(appended)).filter((o) => o === 'appended')).toHaveLength(
    2,
  )
})

test('blobs are there exactly when their event is', async () => {
  const [kept, refused] = [randomBlob(), randomBlob()]
  await db.log.append(appendRequest({ stream: 'blobs', blobs: [kept, kept] }))
  const again = db.log.append(appendRequest({ stream: 'blobs', blobs: [refused] }))
  await expect(again).rejects.toMatchObject({ code: 'CONFLICT' })
  const found = await readBlobs(db.pool, [kept.hash, refused.hash])
  expect(found).toHaveLength(1)
  expect(Buffer.compare(found[0]?.data ?? new Uint8Array(), kept.data)).toBe(0)
  await db.log.append(appendRequest({ stream: 'blobs-2', blobs: [kept, refused] }))
  expect(await readBlobs(db.pool, [kept.hash, refused.hash])).toHaveLength(2)
})

test('listeners get every committed batch of the process, in order and joined', async () => {
  const batches: CommittedBatch[] = []
  const stop = db.log.onCommitted((batch) => batches.push(batch))
  await Promise.all(
    Array.from({ length: 300 }, (_, i) =>
      db.log.append(appendRequest({ key: 'one key', stream: `listen-${i}` })),
    ),
  )
  stop()
  await db.log.append(appendRequest({ stream: 'unheard' }))
  expect(batches.flatMap(({ events }) => events)).toHaveLength(300)
  for (const [i, batch] of batches.entries()) {
    const previous = batches[i - 1]
    if (previous === undefined) continue
    expect(batch.firstPosition).toBe(previous.firstPosition + BigInt(previous.events.length))
    expect(batch.previousHash).toEqual(previous.hash)
  }
})

test('the number of partitions is what the first process chose', async () => {
  const later = await db.openAnother({ partitions: 7 })
  expect(later.partitionsOf('submission')).toEqual(db.log.partitionsOf('submission'))
  expect(later.partitionsOf('identity')).toEqual(['identity-0'])
  expect(() => later.partitionOf('nonsense', 'key')).toThrow('nonsense')
})

test('a tool that only looks creates nothing', async () => {
  const looking = await openEventLog({ pool: db.pool, contexts: { submission: 9, fresh: 9 } })
  expect(looking.partitionsOf('submission')).toHaveLength(2)
  expect(() => looking.partitionsOf('fresh')).toThrow('no context fresh')
})

test('a log without room to wait refuses with a time to come back', async () => {
  const narrow = await db.openAnother({ limits: { maxWaitingEvents: 3 } })
  const results = await Promise.allSettled(
    Array.from({ length: 5 }, (_, i) => narrow.append(appendRequest({ stream: `narrow-${i}` }))),
  )
  expect(outcome(results)).toEqual([
    ...Array(3).fill('appended'),
    ...Array(2).fill('RESOURCE_EXHAUSTED'),
  ])
})

test('closing waits for what is queued and refuses what comes after', async () => {
  const closing = await db.openAnother()
  const last = closing.append(appendRequest({ stream: 'last' }))
  await closing.close()
  await expect(last).resolves.toMatchObject({ version: 1 })
  await expect(closing.append(appendRequest({ stream: 'late' }))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
})

test.each(['update log.events set type = type', 'delete from log.events', 'truncate log.events'])(
  'the log refuses "%s"',
  async (statement) => {
    await expect(db.pool.query(statement)).rejects.toThrow('append only')
  },
)
