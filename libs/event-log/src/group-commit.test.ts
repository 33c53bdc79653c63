import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { defaultLimits, groupCommit } from './group-commit.ts'

type Item = { events: { length: number }; bytes: number; since: number; patienceMs: number }

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'performance'] })
})
afterEach(() => {
  vi.useRealTimers()
})

const item = (events = 1, bytes = 10, patienceMs = 0): Item => ({
  events: { length: events },
  bytes,
  since: performance.now(),
  patienceMs,
})
const patient = (patienceMs: number): Item => item(1, 10, patienceMs)

function writer(limits: Partial<typeof defaultLimits> = {}) {
  const groups: Record<string, number>[] = []
  const writing: Map<string, () => void>[] = []
  const commit = groupCommit<Item>({ ...defaultLimits, ...limits }, (batches) => {
    groups.push(
      Object.fromEntries(batches.map(({ partition, items }) => [partition, items.length])),
    )
    const ends = new Map<string, () => void>()
    writing.push(ends)
    return batches.map(({ partition }) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      ends.set(partition, resolve)
      return promise
    })
  })
  const finish = async (index: number, partition?: string) => {
    const ends = writing[index] ?? new Map<string, () => void>()
    for (const [name, end] of ends) if (partition === undefined || name === partition) end()
    await vi.advanceTimersByTimeAsync(0)
  }
  return { groups, commit, finish }
}

test('what comes when nothing is being written goes at once, with all that one turn of the event loop brings', async () => {
  const { groups, commit } = writer()
  commit.add('p', item())
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  expect(groups).toEqual([{ p: 2 }])
})

test('what arrives during a write waits for it and then lingers', async () => {
  const { groups, commit, finish } = writer({ lingerMs: 2 })
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  commit.add('p', item())
  await finish(0)
  expect(groups).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(1)
  expect(groups).toEqual([{ p: 1 }, { p: 2 }])
})

test('what arrives soon after a write lingers, what arrives later does not', async () => {
  const { groups, commit, finish } = writer({ lingerMs: 2 })
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  await finish(0)
  await vi.advanceTimersByTimeAsync(1)
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(1)
  commit.add('p', item())
  expect(groups).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(groups).toEqual([{ p: 1 }, { p: 2 }])
  await finish(1)
  await vi.advanceTimersByTimeAsync(5)
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  expect(groups).toEqual([{ p: 1 }, { p: 2 }, { p: 1 }])
})

test('what has waited long enough during a write does not linger', async () => {
  const { groups, commit, finish } = writer({ lingerMs: 2 })
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(5)
  await finish(0)
  expect(groups).toEqual([{ p: 1 }, { p: 1 }])
})

test('what has time waits for company until its time is over, or for one that has none', async () => {
  const { groups, commit, finish } = writer()
  commit.add('p', patient(40))
  await vi.advanceTimersByTimeAsync(30)
  commit.add('p', patient(40))
  expect(groups).toHaveLength(0)
  await vi.advanceTimersByTimeAsync(10)
  expect(groups).toEqual([{ p: 2 }])
  await finish(0)
  await vi.advanceTimersByTimeAsync(100)
  commit.add('p', patient(40))
  await vi.advanceTimersByTimeAsync(5)
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  expect(groups).toEqual([{ p: 2 }, { p: 2 }])
})

test('what came during a write and has time waits on after it', async () => {
  const { groups, commit, finish } = writer({ lingerMs: 2 })
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  commit.add('p', patient(40))
  await vi.advanceTimersByTimeAsync(5)
  await finish(0)
  await vi.advanceTimersByTimeAsync(30)
  expect(groups).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(5)
  expect(groups).toEqual([{ p: 1 }, { p: 1 }])
})

test('a full batch does not linger, and is cut at the limit', async () => {
  const { groups, commit, finish } = writer({ maxBatchEvents: 3 })
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  for (let i = 0; i < 4; i += 1) commit.add('p', item())
  await finish(0)
  expect(groups).toEqual([{ p: 1 }, { p: 3 }])
})

test('one item larger than a batch goes alone', async () => {
  const { groups, commit, finish } = writer({ maxBatchBytes: 100 })
  commit.add('p', item(1, 50))
  commit.add('p', item(1, 500))
  await vi.advanceTimersByTimeAsync(0)
  await finish(0)
  expect(groups).toEqual([{ p: 1 }, { p: 1 }])
})

test('what waits for several partitions is written together', async () => {
  const { groups, commit } = writer()
  commit.add('p', item())
  commit.add('q', item())
  await vi.advanceTimersByTimeAsync(0)
  expect(groups).toEqual([{ p: 1, q: 1 }])
})

test('a partition that is held up holds up no other', async () => {
  const { groups, commit, finish } = writer({ lingerMs: 2 })
  for (const partition of ['p', 'q']) commit.add(partition, item())
  await vi.advanceTimersByTimeAsync(0)
  for (const partition of ['p', 'q']) commit.add(partition, item())
  await finish(0, 'q')
  await vi.advanceTimersByTimeAsync(4)
  expect(groups).toEqual([{ p: 1, q: 1 }, { q: 1 }])
  await finish(0, 'p')
  expect(groups).toEqual([{ p: 1, q: 1 }, { q: 1 }, { p: 1 }])
})

test('who is due takes along who has just come, but not who has time', async () => {
  const { groups, commit, finish } = writer({ lingerMs: 4 })
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  await finish(0)
  commit.add('p', item())
  commit.add('r', patient(40))
  await vi.advanceTimersByTimeAsync(3)
  commit.add('q', item())
  await vi.advanceTimersByTimeAsync(1)
  expect(groups).toEqual([{ p: 1 }, { p: 1, q: 1 }])
  await vi.advanceTimersByTimeAsync(40)
  expect(groups).toEqual([{ p: 1 }, { p: 1, q: 1 }, { r: 1 }])
})

test('all partitions together fill one transaction, who waits longest first', async () => {
  const { groups, commit, finish } = writer({ maxBatchEvents: 3 })
  commit.add('p', item(2))
  await vi.advanceTimersByTimeAsync(1)
  for (const partition of ['q', 'q', 'r']) commit.add(partition, item())
  await vi.advanceTimersByTimeAsync(0)
  commit.add('s', item())
  await vi.advanceTimersByTimeAsync(0)
  expect(groups).toEqual([{ p: 1 }, { q: 2, r: 1 }])
  await finish(1)
  await vi.advanceTimersByTimeAsync(25)
  expect(groups.at(-1)).toEqual({ s: 1 })
})

test('more partitions in a transaction: the next one waits longer for company', async () => {
  const { groups, commit, finish } = writer({ lingerMs: 2 })
  for (const partition of ['p', 'q', 'r', 's']) commit.add(partition, item())
  await vi.advanceTimersByTimeAsync(0)
  await finish(0)
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(7)
  expect(groups).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(groups).toHaveLength(2)
})

test('too much waiting is refused with a time to come back', async () => {
  const { commit, finish } = writer({ maxWaitingEvents: 2 })
  commit.add('p', item())
  commit.add('q', item())
  expect(() => commit.add('p', item())).toThrow(
    expect.objectContaining({ code: 'RESOURCE_EXHAUSTED', retryAfterMs: expect.any(Number) }),
  )
  await vi.advanceTimersByTimeAsync(0)
  await finish(0)
  expect(() => commit.add('p', item())).not.toThrow()
})

test('the time to come back follows the backlog and how fast it was written', async () => {
  const { commit, finish } = writer({ maxBatchEvents: 10, maxWaitingEvents: 100 })
  const refused = () => {
    try {
      commit.add('p', item())
    } catch (error) {
      return (error as { retryAfterMs: number }).retryAfterMs
    }
    return undefined
  }
  for (let i = 0; i < 100; i += 1) commit.add('p', item())
  for (let batch = 0; batch < 5; batch += 1) {
    await vi.advanceTimersByTimeAsync(200)
    await finish(batch)
    for (let i = 0; i < 10; i += 1) commit.add('p', item())
  }
  expect(refused()).toBeCloseTo((100 / 10) * 200, -2)
  await vi.advanceTimersByTimeAsync(3_600_000)
  expect(refused()).toBe(10_000)
})

test('drained resolves when nothing is left', async () => {
  const { commit, finish } = writer()
  await commit.drained()
  commit.add('p', item())
  let drained = false
  const waiting = commit.drained().then(() => {
    drained = true
  })
  await vi.advanceTimersByTimeAsync(0)
  expect(drained).toBe(false)
  await finish(0)
  await waiting
  expect(drained).toBe(true)
})
