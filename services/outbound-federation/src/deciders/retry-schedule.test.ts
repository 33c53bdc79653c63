import { expect, test } from 'vitest'
import { retryDelay } from './retry-schedule.ts'

const policy = { firstMs: 1_000, longestMs: 15 * 60_000 }
const longest = (failures: number) => retryDelay(failures, policy, 1)

test('the bound starts at a second and doubles to fifteen minutes', () => {
  expect([1, 2, 3, 4].map(longest)).toEqual([1_000, 2_000, 4_000, 8_000])
  expect(longest(10)).toBe(512_000)
  expect(longest(11)).toBe(900_000)
})

test('it never passes the bound, however long the peer is away', () => {
  expect(longest(1_000_000)).toBe(900_000)
})

test('the whole range below the bound is used', () => {
  expect(retryDelay(11, policy, 0)).toBe(0)
  expect(retryDelay(11, policy, 0.5)).toBe(450_000)
})
