import { expect, test } from 'vitest'
import { arrivals, expectedCount, lengthOf, type RateStep } from './arrivals.ts'
import { seededRandom } from './random.ts'

const steps: readonly RateStep[] = [
  { perSecond: 100, ms: 2_000 },
  { perSecond: 1_000, ms: 1_000 },
]

const poisson = (seed: number) => [...arrivals(steps, 'poisson', seededRandom(seed))]

test('fixed arrivals are evenly spaced within each step', () => {
  const times = [...arrivals(steps, 'fixed', seededRandom(1))]
  expect(times).toHaveLength(1_200)
  expect(times.slice(0, 3)).toEqual([0, 10, 20])
  expect(times.filter((at) => at < 2_000)).toHaveLength(200)
  expect(times.every((at, index) => index === 0 || at > (times[index - 1] ?? 0))).toBe(true)
})

test('Poisson arrivals come in order, within their steps, at about the rate of each', () => {
  const times = [...arrivals(steps, 'poisson', seededRandom(7))]
  expect(times).toEqual(times.toSorted((a, b) => a - b))
  const before = times.filter((at) => at < 2_000).length
  const after = times.length - before
  expect(before).toBeGreaterThan(150)
  expect(before).toBeLessThan(250)
  expect(after).toBeGreaterThan(900)
  expect(after).toBeLessThan(1_100)
  expect(Math.max(...times)).toBeLessThan(3_000)
})

test('the gaps of Poisson arrivals vary as much as they are long', () => {
  const times = [...arrivals([{ perSecond: 1_000, ms: 20_000 }], 'poisson', seededRandom(3))]
  const gaps = times.slice(1).map((at, index) => at - (times[index] ?? 0))
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length
  const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length
  expect(Math.sqrt(variance) / mean).toBeGreaterThan(0.95)
  expect(Math.sqrt(variance) / mean).toBeLessThan(1.05)
})

test('a seed determines the arrivals', () => {
  expect(poisson(5)).toEqual(poisson(5))
  expect(poisson(5)).not.toEqual(poisson(6))
})

test('steps add up', () => {
  expect(lengthOf(steps)).toBe(3_000)
  expect(expectedCount(steps)).toBe(1_200)
})
