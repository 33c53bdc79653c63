import { expect, test } from 'vitest'
import { pace, retryAfter } from './pace.ts'

function clocked() {
  const clock = { ms: 0 }
  return { clock, work: pace(() => clock.ms) }
}

test('a backlog takes as long as it does at the speed of late', () => {
  const { clock, work } = clocked()
  work.begin()
  for (let batch = 0; batch < 20; batch++) {
    clock.ms += 100
    work.done(500)
  }
  expect(work.msFor(20_000)).toBeCloseTo(4_000)
})

test('a slower while is soon what counts', () => {
  const { clock, work } = clocked()
  work.begin()
  clock.ms += 1_000
  work.done(10_000)
  for (let batch = 0; batch < 100; batch++) {
    clock.ms += 100
    work.done(10)
  }
  expect(work.msFor(100)).toBeGreaterThan(800)
})

test('while nothing gets done the time grows, and time without work does not count', () => {
  const { clock, work } = clocked()
  work.begin()
  clock.ms += 100
  work.done(100)
  clock.ms += 3_600_000
  work.begin()
  expect(work.msFor(100)).toBeCloseTo(100)
  clock.ms += 1_000
  expect(work.msFor(100)).toBeCloseTo(1_100)
})

test('before anything was done it is as long as it has been tried', () => {
  const { clock, work } = clocked()
  work.begin()
  clock.ms += 300
  expect(work.msFor(5)).toBe(300)
})

test('what is told has bounds', () => {
  expect([0, 450.4, 1e9].map(retryAfter)).toEqual([100, 450, 10_000])
})
