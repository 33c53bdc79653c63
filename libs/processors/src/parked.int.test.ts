import { appendRequest } from '@mailx/event-log/test-log'
import { eventually } from '@mailx/testing/eventually'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { listParked } from './parked-events.ts'
import type { Projection } from './projection.ts'
import type { Reactor } from './reactor.ts'
import { rebuildProjection } from './rebuild-projection.ts'
import { replayParked } from './replay-parked.ts'
import { CONTEXT, type Counted, numbers, sums, type TestRunner, testRunner } from './test-runner.ts'

let t: TestRunner

beforeEach(async () => {
  t = await testRunner({ [CONTEXT]: 1 })
})
afterEach(() => t.drop())

const append = (data: number[], type = 'Counted') =>
  t.log.append(
    appendRequest({
      stream: 'numbers',
      expectedVersion: 'any',
      events: [{ type, data: new Uint8Array(data) }],
    }),
  )

const parked = () => listParked(t.pool, 'test')
const applied = async () => {
  const { rows } = await t.pool.query('select position::int from test.entries order by 1')
  return rows.map(({ position }) => position)
}

/** As `sums`, but it cannot stand some numbers. */
const picky = (dislikes: (value: number) => boolean): Projection<typeof numbers> => ({
  ...sums,
  async apply(sql, events) {
    if (events.some(({ data }) => dislikes(data))) throw new Error('not that number')
    await sums.apply(sql, events)
  },
})

test('the event that fails is parked with its reason; those before and after are applied', async () => {
  for (let value = 1; value <= 20; value += 1) await append([value])
  const runner = await t.run({ projections: [picky((value) => value === 13)] })
  await runner.caughtUp()
  expect(await applied()).toEqual(
    Array.from({ length: 20 }, (_, i) => i + 1).filter((n) => n !== 13),
  )
  expect(await parked()).toEqual([
    {
      processor: 'test.sums',
      partition: 'submission-0',
      position: 13n,
      stream: 'numbers',
      type: 'Counted',
      reason: 'not that number',
      tries: 3,
      parkedAt: expect.any(Number),
    },
  ])
  expect(t.troubles.map(String).join()).toContain('parked event submission-0/13')
  expect(runner.ready()).toEqual({ ready: true })
})

test('an event that cannot be decoded is parked', async () => {
  await append([1])
  await append([])
  await append([2])
  const runner = await t.run()
  await runner.caughtUp()
  expect(await applied()).toEqual([1, 3])
  expect(await parked()).toMatchObject([{ position: 2n, reason: 'not decodable: no number' }])
})

test('an unknown type is parked by a projection that needs everything', async () => {
  await append([1])
  await append([2], 'FromTheFuture')
  await append([3])
  const { handles: _, ...everything } = sums
  const runner = await t.run({ projections: [everything] })
  await runner.caughtUp()
  expect(await applied()).toEqual([1, 3])
  expect(await parked()).toMatchObject([{ position: 2n, reason: 'unknown event type' }])
})

test('an unknown type that a projection declares as needed is parked, others are passed over', async () => {
  await append([1], 'Needed')
  await append([2], 'Other')
  const needing: Projection = { ...sums, handles: ['Counted', 'Needed'] }
  const runner = await t.run({ projections: [needing] })
  await runner.caughtUp()
  expect(await parked()).toMatchObject([{ position: 1n, type: 'Needed' }])
})

test('a parked event is applied when it is replayed after the fix', async () => {
  for (const value of [1, 2, 3]) await append([value])
  const runner = await t.run({ projections: [picky((value) => value === 2)] })
  await runner.caughtUp()
  const { pool, log } = t
  const broken = { pool, log, schema: 'test', processor: picky((value) => value === 2) }
  expect(await replayParked(broken)).toMatchObject({ applied: [], failed: [{ tries: 4 }] })
  expect(await replayParked({ ...broken, processor: sums })).toMatchObject({
    applied: [{ position: 2n }],
    failed: [],
  })
  expect(await parked()).toEqual([])
  expect(await replayParked({ ...broken, processor: sums })).toEqual({ applied: [], failed: [] })
  expect(await applied()).toEqual([1, 2, 3])
})

test('only what is asked for is replayed', async () => {
  for (const value of [1, 2, 3]) await append([value])
  const runner = await t.run({ projections: [picky(() => true)] })
  await runner.caughtUp()
  const { pool, log } = t
  await replayParked({
    pool,
    log,
    schema: 'test',
    processor: sums,
    only: ({ position }) => position === 3n,
  })
  expect(await applied()).toEqual([3])
  expect((await parked()).map(({ position }) => position)).toEqual([1n, 2n])
})

test('a reactor parks too, and goes on', async () => {
  const seen: number[] = []
  const reactor: Reactor<typeof numbers> = {
    name: 'test.react',
    contexts: [CONTEXT],
    events: numbers,
    async react(events: readonly Counted[]) {
      if (events.some(({ data }) => data === 2)) throw new Error('not that number')
      seen.push(...events.map(({ data }) => data))
    },
  }
  for (const value of [1, 2, 3]) await append([value])
  const runner = await t.run({ projections: [], reactors: [reactor] })
  await runner.caughtUp()
  expect(new Set(seen)).toEqual(new Set([1, 3]))
  expect(await parked()).toMatchObject([{ processor: 'test.react', position: 2n }])
})

test('a failure that passes is never parked, however often it happens', async () => {
  let failures = 0
  const flaky: Projection<typeof numbers> = {
    ...sums,
    async apply(sql, events) {
      failures += 1
      if (failures <= 6)
        throw Object.assign(new Error('deadlock'), { code: '40P01', severity: 'ERROR' })
      await sums.apply(sql, events)
    },
  }
  await append([1])
  const runner = await t.run({ projections: [flaky] })
  await runner.caughtUp()
  expect(await parked()).toEqual([])
  expect(await applied()).toEqual([1])
  expect(failures).toBe(7)
})

test('a rebuild parks what it cannot apply and forgets what was parked before', async () => {
  for (let value = 1; value <= 9; value += 1) await append([value])
  const runner = await t.run({ projections: [picky((value) => value === 4)] })
  await runner.caughtUp()
  const { pool, log } = t
  const projection = picky((value) => value === 7)
  await rebuildProjection({ pool, log, schema: 'test', projection })
  expect(await applied()).toEqual([1, 2, 3, 4, 5, 6, 8, 9])
  expect((await parked()).map(({ position }) => position)).toEqual([7n])
})

test('a follower that throws makes its process not ready instead of forgetting an event', async () => {
  await append([1])
  const follower = {
    name: 'test.follow',
    contexts: [CONTEXT],
    events: numbers,
    apply: () => {
      throw new Error('bug')
    },
  }
  await expect(t.run({ projections: [], followers: [follower] })).rejects.toThrow(/stopped: bug/)
  await eventually(() => t.troubles.length > 0)
})
