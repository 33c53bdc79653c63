import { appendRequest } from '@mailx/event-log/test-log'
import { eventually } from '@mailx/testing/eventually'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Follower } from './follower.ts'
import type { Reactor } from './reactor.ts'
import { CONTEXT, eachOnce, numbers, sums, type TestRunner, testRunner } from './test-runner.ts'

let t: TestRunner

beforeEach(async () => {
  t = await testRunner()
})
afterEach(() => t.drop())

test('what was committed before and after the start is applied, each event once', async () => {
  t.startRelay()
  await t.count(300)
  const runner = await t.run()
  await t.count(700)
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
  expect(t.troubles).toEqual([])
})

test('events come from Postgres alone when there is no bus at all', async () => {
  const runner = await t.run({ nats: undefined as never })
  await t.count(300)
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
})

test('events of the same process need no bus and no wait', async () => {
  const runner = await t.run({ log: t.log, pollEveryMs: 60_000 })
  await runner.caughtUp()
  await t.count(100)
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
})

test('waiting for a position ends when it is applied, or when the time is over', async () => {
  t.startRelay()
  const runner = await t.run()
  const { partition, position } = await t.log.append(
    appendRequest({ events: [{ type: 'Counted', data: new Uint8Array([1]) }] }),
  )
  await runner.waitFor('test.sums', partition, position, 5000)
  expect(await t.tally()).toSatisfy(eachOnce)
  await expect(runner.waitFor('test.sums', partition, position + 1n, 50)).rejects.toMatchObject({
    code: 'DEADLINE_EXCEEDED',
  })
})

test('after a restart a processor goes on from its checkpoint', async () => {
  t.startRelay()
  const first = await t.run()
  await t.count(100)
  await first.caughtUp()
  await first.stop()
  await t.count(100)
  const second = await t.run()
  await second.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
})

test('event types that a projection does not handle are passed over', async () => {
  const runner = await t.run()
  await t.count(10)
  await t.log.append(appendRequest({ events: [{ type: 'Other', data: new Uint8Array(0) }] }))
  await t.count(10)
  await runner.caughtUp()
  const { rows } = await t.pool.query('select count(*)::int as count from test.entries')
  expect(rows).toEqual([{ count: 20 }])
  expect(t.troubles).toEqual([])
})

test('a reactor sees every event in order, and again what it had not finished', async () => {
  const seen: string[] = []
  let failing = true
  const reactor: Reactor<typeof numbers> = {
    name: 'test.react',
    contexts: [CONTEXT],
    events: numbers,
    async react(events) {
      for (const { partition, position } of events) seen.push(`${partition}/${position}`)
      if (failing) throw new Error('the effect took place, then the process failed')
    },
  }
  const first = await t.run({ projections: [], reactors: [reactor] })
  await t.count(1)
  await eventually(() => seen.length > 0)
  failing = false
  await first.caughtUp()
  await t.count(50)
  await first.caughtUp()
  const once = [...new Set(seen)]
  expect(seen.length).toBeGreaterThan(once.length)
  for (const partition of t.log.partitionsOf(CONTEXT)) {
    const positions = once.filter((event) => event.startsWith(partition))
    const inOrder = positions.map((_, i) => `${partition}/${i + 1}`)
    expect(positions).toEqual(inOrder)
  }
})

test('a follower has everything in memory when the start is over, and follows', async () => {
  const totals = new Map<string, number>()
  const follower: Follower<typeof numbers> = {
    name: 'test.follow',
    contexts: [CONTEXT],
    events: numbers,
    apply(events) {
      for (const { stream, data } of events) totals.set(stream, (totals.get(stream) ?? 0) + data)
    },
  }
  const total = () => [...totals.values()].reduce((sum, value) => sum + value, 0)
  t.startRelay()
  await t.count(1200)
  const runner = await t.run({ projections: [], followers: [follower] })
  expect(total()).toBe(1200)
  await t.count(100)
  await runner.caughtUp()
  expect(total()).toBe(1300)
})

test('status tells where each processor is; ready says yes', async () => {
  const runner = await t.run()
  await t.count(20)
  await runner.caughtUp()
  await eventually(() => runner.status().every(({ position, head }) => position === head))
  expect(runner.status().map(({ processor, status }) => [processor, status])).toEqual([
    ['test.sums', 'running'],
    ['test.sums', 'running'],
  ])
  expect(runner.ready()).toEqual({ ready: true })
})

test('what is announced after COMMIT can be read', async () => {
  const announced: Promise<boolean>[] = []
  const afterCommit = (events: readonly { partition: string; position: bigint }[]) => {
    const { partition, position } = events.at(-1) ?? { partition: '', position: 0n }
    const query = 'select 1 from test.entries where partition = $1 and position = $2'
    announced.push(
      t.pool.query(query, [partition, position.toString()]).then(({ rowCount }) => rowCount === 1),
    )
  }
  const runner = await t.run({ projections: [{ ...sums, afterCommit }] })
  await t.count(50)
  await runner.caughtUp()
  expect(new Set(await Promise.all(announced))).toEqual(new Set([true]))
})

test.each(['Capital', 'with space', "quote'"])('the name %s is refused', async (name) => {
  await expect(t.run({ projections: [{ ...sums, name }] })).rejects.toThrow('is named')
})

test('two processors of one name are refused', async () => {
  await expect(t.run({ projections: [sums, sums] })).rejects.toThrow('two processors')
})
