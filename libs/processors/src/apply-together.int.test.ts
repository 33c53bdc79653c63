import { int4Array, int8Array, textArray } from '@mailx/event-log/binary-array'
import { appendRequest } from '@mailx/event-log/test-log'
import { eventually } from '@mailx/testing/eventually'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { writeOnlyProjection } from './projection.ts'
import {
  CONTEXT,
  type Counted,
  eachOnce,
  numbers,
  type TestRunner,
  testRunner,
} from './test-runner.ts'

let t: TestRunner
/** The events of each transaction, as its announcement names them. */
let committed: (readonly Counted[])[]
let streams = 0

const partitions = ['submission-0', 'submission-1', 'submission-2']

/** As `sums`, by statements. Refuses the number 13. */
const together = writeOnlyProjection({
  name: 'test.sums',
  contexts: [CONTEXT],
  events: numbers,
  handles: ['Counted'],
  tables: ['test.entries', 'test.sums'],
  statements: (events) => [
    {
      name: 'test.entries',
      text: 'insert into test.entries select * from unnest($1::text[], $2::bigint[])',
      values: [
        textArray(events.map(({ partition }) => partition)),
        int8Array(events.map(({ position }) => position)),
      ],
    },
    {
      name: 'test.sums',
      text: `insert into test.sums as s
          select n.stream, sum(n.value / case when n.value = 13 then 0 else 1 end)
            from unnest($1::text[], $2::int[]) as n(stream, value) group by n.stream
        on conflict (stream) do update set sum = s.sum + excluded.sum`,
      values: [
        textArray(events.map(({ stream }) => stream)),
        int4Array(events.map(({ data }) => data)),
      ],
    },
  ],
  afterCommit: (events) => committed.push(events),
})

beforeEach(async () => {
  committed = []
  t = await testRunner({ [CONTEXT]: 3 })
})
afterEach(() => t.drop())

const keyOf = (partition: string) =>
  Array.from({ length: 100 }, (_, i) => `user${i}@a.test`).find(
    (key) => t.log.partitionOf(CONTEXT, key) === partition,
  ) ?? ''

const append = (partition: string, value: number) => {
  const events = [{ type: 'Counted', data: new Uint8Array([value]) }]
  return t.log.append(
    appendRequest({ key: keyOf(partition), stream: `s${(streams += 1)}`, events }),
  )
}

test('what comes in several partitions at once is one transaction', async () => {
  const runner = await t.run({ log: t.log, projections: [together] })
  for (let round = 0; round < 20; round += 1) {
    await Promise.all(partitions.map((partition) => append(partition, 1)))
  }
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
  expect(committed.flat()).toHaveLength(60)
  // The first times, each partition's writer finds out where its head is.
  const shared = committed.filter(
    (events) => new Set(events.map((one) => one.partition)).size === 3,
  )
  expect(shared.length).toBeGreaterThan(10)
})

test('an event that fails is parked in its partition, and the others go on without it', async () => {
  const runner = await t.run({ log: t.log, projections: [together] })
  await Promise.all(partitions.map((partition) => append(partition, 1)))
  await Promise.all(
    partitions.map((partition) => append(partition, partition === 'submission-1' ? 13 : 1)),
  )
  await runner.caughtUp()
  const { rows } = await t.pool.query('select partition, position::int from test.parked_events')
  expect(rows).toEqual([{ partition: 'submission-1', position: 2 }])
  expect(await t.tally()).toEqual({ events: 6, entries: 5, sum: 5 })
})

test('a checkpoint that somebody holds stops its own partition alone', async () => {
  const runner = await t.run({ log: t.log, projections: [together] })
  await Promise.all(partitions.map((partition) => append(partition, 1)))
  await runner.caughtUp()
  const holder = await t.pool.connect()
  await holder.query(
    "begin; select 1 from test.checkpoints where partition = 'submission-1' for update",
  )
  await Promise.all(partitions.map((partition) => append(partition, 1)))
  await eventually(async () => expect(await t.tally()).toMatchObject({ events: 6, entries: 5 }))
  await holder.query('commit')
  holder.release()
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
  expect(t.troubles).toEqual([])
})
