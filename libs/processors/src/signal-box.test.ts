import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { announcer } from './announcer.ts'
import { signalBox } from './signal-box.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

async function hasEnded(promise: Promise<void>): Promise<boolean> {
  let ended = false
  void promise.then(() => {
    ended = true
  })
  await vi.advanceTimersByTimeAsync(0)
  return ended
}

test('a ring wakes the sleeper, and one that came before is not lost', async () => {
  const box = signalBox()
  const sleep = box.wait(1000)
  expect(await hasEnded(sleep)).toBe(false)
  box.ring()
  expect(await hasEnded(sleep)).toBe(true)
  box.ring()
  expect(await hasEnded(box.wait(1000))).toBe(true)
  expect(await hasEnded(box.wait(1000))).toBe(false)
})

test('without a ring the sleeper wakes when the time is over', async () => {
  const sleep = signalBox().wait(1000)
  await vi.advanceTimersByTimeAsync(1000)
  expect(await hasEnded(sleep)).toBe(true)
})

test('an announcement reaches everybody who waits, and nobody who comes later', async () => {
  const news = announcer()
  const waiting = [news.next(1000), news.next(1000)]
  news.announce()
  expect(await Promise.all(waiting.map(hasEnded))).toEqual([true, true])
  const late = news.next(1000)
  expect(await hasEnded(late)).toBe(false)
  await vi.advanceTimersByTimeAsync(1000)
  expect(await hasEnded(late)).toBe(true)
})
