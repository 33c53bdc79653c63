import { expect, test } from 'vitest'
import { formatTime, parseTime, unixMs } from './unix-ms.ts'

test('a time is read back as it was written', () => {
  expect(parseTime(formatTime(1_790_000_000_123))).toBe(1_790_000_000_123)
  expect(parseTime('2026-01-01T00:00:00Z')).toBe(Date.UTC(2026, 0, 1))
})

test.each([
  '',
  '2026-01-01',
  '2026-01-01T00:00:00',
  '2026-01-01T00:00:00+00:00',
  '2026-01-01t00:00:00z',
  '2026-01-01 00:00:00Z',
  '2026-02-30T00:00:00Z',
  '2026-13-01T00:00:00Z',
  '2026-01-01T24:00:00Z',
  '2026-01-01T00:00:60Z',
  '2026-01-01T00:00:00.1234Z',
  '+002026-01-01T00:00:00Z',
  '1969-12-31T23:59:59Z',
])('%j is not a time', (text) => {
  expect(parseTime(text)).toBeUndefined()
})

test('a wire time that a number cannot hold exactly is refused', () => {
  expect(unixMs(2n ** 53n - 1n, 'it')).toBe(Number.MAX_SAFE_INTEGER)
  expect(() => unixMs(2n ** 53n, 'it')).toThrow('it is not a time')
  expect(() => unixMs(-1n, 'it')).toThrow('it is not a time')
})
