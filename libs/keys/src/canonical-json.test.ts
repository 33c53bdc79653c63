import { fromUtf8 } from '@mailx/crypto/encoding'
import { expect, test } from 'vitest'
import { canonicalJson } from './canonical-json.ts'

const canonical = (value: unknown) => fromUtf8(canonicalJson(value))

test('members are sorted by UTF-16 code units at every level and nothing is added', () => {
  // RFC 8785 §3.2.3, where U+1F600 (a surrogate pair) comes before U+FB33.
  const value = {
    '€': 1,
    '\r': 2,
    '\ufb33': 3,
    '1': 4,
    '😀': { b: [], a: {} },
    '\u0080': 6,
    ö: 7,
  }
  expect(canonical(value)).toBe(
    '{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":{"a":{},"b":[]},"\ufb33":3}',
  )
})

test('strings have the shortest escapes', () => {
  expect(canonical('€$\u000f\nA\'B"\\\\"/\b\t\f\r\u007f\u2028')).toBe(
    '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/\\b\\t\\f\\r\u007f\u2028"',
  )
})

test('other values have one spelling', () => {
  expect(canonical([null, true, false, 0, -0, -1, 9_007_199_254_740_991])).toBe(
    '[null,true,false,0,0,-1,9007199254740991]',
  )
})

test.each([
  ['a fraction', 0.5],
  ['an integer that a double cannot hold', 2 ** 53],
  ['a number that is none', Number.NaN],
  ['a lone surrogate', '\ud800'],
  ['a lone surrogate in a name', { '\udc00': 1 }],
  ['a missing value', { a: undefined }],
  ['a bigint', 1n],
])('%s has no canonical form', (_what, value) => {
  expect(() => canonicalJson(value)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

test('nesting beyond 32 is refused before the stack runs out', () => {
  let deep: unknown = 0
  for (let i = 0; i < 100_000; i += 1) deep = [deep]
  expect(() => canonicalJson(deep)).toThrow('nesting beyond 32')
})
