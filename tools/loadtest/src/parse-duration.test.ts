import { expect, test } from 'vitest'
import { parseDuration } from './parse-duration.ts'

test.each([
  ['500ms', 500],
  ['30s', 30_000],
  ['1.5s', 1_500],
  ['2m', 120_000],
  ['1h', 3_600_000],
])('%s is %i ms', (text, ms) => {
  expect(parseDuration(text)).toBe(ms)
})

test.each(['', '30', 's', '-1s', '1 s', '1d', '1e3s'])('"%s" is refused', (text) => {
  expect(parseDuration(text)).toBeUndefined()
})
