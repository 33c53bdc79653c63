import { expect, test } from 'vitest'
import { expiryOf, isServable, retryAt } from './peer-freshness.ts'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const now = 1_000_000_000_000
const never = now + 7 * 24 * HOUR

test.each([
  [0, 5 * MINUTE],
  [MINUTE, 5 * MINUTE],
  [2 * HOUR, 2 * HOUR],
  [48 * HOUR, 24 * HOUR],
  [undefined, HOUR],
])('a time to live of %s is kept for %s', (ttl, kept) => {
  expect(expiryOf(ttl, never, now)).toBe(now + kept)
})

test('nothing outlives its document', () => {
  expect(expiryOf(24 * HOUR, now + MINUTE, now)).toBe(now + MINUTE)
})

test.each([
  ['DOMAIN_NOT_FOUND', 1, 5 * MINUTE],
  ['BAD_MAILX_RECORD', 9, 5 * MINUTE],
  ['DISCOVERY_FAILED', 1, MINUTE],
  ['DISCOVERY_FAILED', 2, 2 * MINUTE],
  ['DISCOVERY_FAILED', 4, 8 * MINUTE],
  ['DISCOVERY_FAILED', 7, HOUR],
  ['DISCOVERY_FAILED', 5000, HOUR],
  ['KEY_CHANGED', 1, MINUTE],
])('after %s for the %s. time it tries again in %s', (code, failures, pause) => {
  expect(retryAt(code, failures, now)).toBe(now + pause)
})

test('a known peer is served on for a day, but never beyond its document', () => {
  expect(isServable(now - 23 * HOUR, never, now)).toBe(true)
  expect(isServable(now - 24 * HOUR, never, now)).toBe(false)
  expect(isServable(now - HOUR, now, now)).toBe(false)
})
