import { MailxError } from '@mailx/errors/mailx-error'
import { expect, test } from 'vitest'
import { leasedLimiter } from './leased-limiter.ts'

/** A bucket that counts how often it is asked. */
function bucket(points: number) {
  const state = { left: points, asked: 0 }
  const limiter = {
    consume: async (_id: string, cost = 1) => {
      state.asked += 1
      if (cost > state.left) throw new MailxError('RATE_LIMITED', 'too much', { retryAfterMs: 5 })
      state.left -= cost
    },
  }
  return { state, limiter }
}

const leased = (points: number, lease: number, now = () => 0) => {
  const { state, limiter } = bucket(points)
  return { state, limiter: leasedLimiter({ limiter, lease, durationMs: 1000, now }) }
}

test('a lease is spent before the bucket is asked again', async () => {
  const { state, limiter } = leased(1000, 10)
  for (let n = 0; n < 20; n += 1) await limiter.consume('a')
  expect(state).toEqual({ left: 980, asked: 2 })
})

test('what is left in the bucket can be had, though it is less than a lease', async () => {
  const { limiter } = leased(13, 10)
  for (let n = 0; n < 13; n += 1) await limiter.consume('a')
  await expect(limiter.consume('a')).rejects.toEqual(
    expect.objectContaining({ code: 'RATE_LIMITED', retryAfterMs: 5 }),
  )
})

test('more than a lease at once is asked of the bucket', async () => {
  const { state, limiter } = leased(100, 10)
  await limiter.consume('a', 50)
  expect(state).toEqual({ left: 50, asked: 1 })
})

test('a lease ends with the period of its limit', async () => {
  let time = 0
  const { state, limiter } = leased(100, 10, () => time)
  await limiter.consume('a')
  time = 1001
  await limiter.consume('a')
  expect(state.asked).toBe(2)
})

test('everybody has a lease of their own', async () => {
  const { state, limiter } = leased(100, 10)
  await limiter.consume('a')
  await limiter.consume('b')
  expect(state.left).toBe(80)
})
