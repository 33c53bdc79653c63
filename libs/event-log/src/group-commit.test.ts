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
  const batches: { partition: string; size: number; finish: () => void }[] = []
  const commit = groupCommit<Item>({ ...defaultLimits, ...limits }, (partition, items) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    batches.push({ partition, size: items.length, finish: resolve })
    return promise
  })
  const finish = async (index: number) => {
    batches[index]?.finish()
    await vi.advanceTimersByTimeAsync(0)
  }
  return { batches, commit, finish }
}

test('an idle partition writes at once, with all that one turn of the event loop brings', async () => {
  const { batches, commit } = writer()
  commit.add('p', item())
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  expect(batches.map(({ size }) => size)).toEqual([2])
})

test('what arrives during a write waits for it and then lingers', async () => {
  const { batches, commit, finish } = writer({ lingerMs: 2 })
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  commit.add('p', item())
  await finish(0)
  expect(batches).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(1)
  expect(batches.map(({ size }) => size)).toEqual([1, 2])
})

test('what arrives soon after a write lingers, what arrives later does not', async () => {
  const { batches, commit, finish } = writer({ lingerMs: 2 })
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  await finish(0)
  await vi.advanceTimersByTimeAsync(1)
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(1)
  commit.add('p', item())
  expect(batches).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(1)
  expect(batches.map(({ size }) => size)).toEqual([1, 2])
  await finish(1)
  await vi.advanceTimersByTimeAsync(5)
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  expect(batches.map(({ size }) => size)).toEqual([1, 2, 1])
})

test('what has waited long enough during a write does not linger', async () => {
  const { batches, commit, finish } = writer({ lingerMs: 2 })
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(5)
  await finish(0)
  expect(batches.map(({ size }) => size)).toEqual([1, 1])
})

test('what has time waits for company until its time is over, or for one that has none', async () => {
  const { batches, commit, finish } = writer()
  commit.add('p', patient(40))
  await vi.advanceTimersByTimeAsync(30)
  commit.add('p', patient(40))
  expect(batches).toHaveLength(0)
  await vi.advanceTimersByTimeAsync(10)
  expect(batches.map(({ size }) => size)).toEqual([2])
  await finish(0)
  await vi.advanceTimersByTimeAsync(100)
  commit.add('p', patient(40))
  await vi.advanceTimersByTimeAsync(5)
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  expect(batches.map(({ size }) => size)).toEqual([2, 2])
})

test('what came during a write and has time waits on after it', async () => {
  const { batches, commit, finish } = writer({ lingerMs: 2 })
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  commit.add('p', patient(40))
  await vi.advanceTimersByTimeAsync(5)
  await finish(0)
  await vi.advanceTimersByTimeAsync(30)
  expect(batches).toHaveLength(1)
  await vi.advanceTimersByTimeAsync(5)
  expect(batches.map(({ size }) => size)).toEqual([1, 1])
})

test('a full batch does not linger, and is cut at the limit', async () => {
  const { batches, commit, finish } = writer({ maxBatchEvents: 3 })
  commit.add('p', item())
  await vi.advanceTimersByTimeAsync(0)
  for (let i = 0; i < 4; i += 1) commit.add('p', item())
  await finish(0)
  expect(batches.map(({ size }) => size)).toEqual([1, 3])
})

test('one item larger than a batch goes alone', async () => {
  const { batches, commit, finish } = writer({ maxBatchBytes: 100 })
  commit.add('p', item(1, 50))
  commit.add('p', item(1, 500))
  await vi.advanceTimersByTimeAsync(0)
  await finish(0)
  expect(batches.map(({ size }) => size)).toEqual([1, 1])
})

test('partitions do not wait for each other', async () => {
  const { batches, commit } = writer()
  commit.add('p', item())
  commit.add('q', item())
  await vi.advanceTimersByTimeAsync(0)
  expect(batches.map(({ partition }) => partition)).toEqual(['p', 'q'])
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
