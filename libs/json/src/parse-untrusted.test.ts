import { expect, test } from 'vitest'
import { parseUntrusted } from './parse-untrusted.ts'

const refusedWith = (code: string) => expect.objectContaining({ name: 'MailxError', code })

const invalid = refusedWith('INVALID_ARGUMENT')

const bytes = (...values: number[]) => Uint8Array.from(values)

test.each([
  ['null', null],
  ['true', true],
  [' false\r\n\t', false],
  ['0', 0],
  ['-12.5e-1', -1.25],
  ['1E2', 100],
  ['9007199254740991', 9_007_199_254_740_991],
  ['-9007199254740991', -9_007_199_254_740_991],
  ['""', ''],
  ['"\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9"', '"\\/\b\f\n\r\tAé'],
  ['"\\ud83d\\ude00"', '😀'],
  ['"😀\u2028"', '😀\u2028'],
  ['"a\\u0000b"', 'a\0b'],
  ['[]', []],
  ['[1,[2,[3]], {}]', [1, [2, [3]], {}]],
  ['{"a":1,"b":{"a":2},"":3}', { a: 1, b: { a: 2 }, '': 3 }],
])('%s is read as any parser reads it', (text, value) => {
  expect(parseUntrusted(text)).toEqual(value)
  expect(parseUntrusted(new TextEncoder().encode(text))).toEqual(value)
})

test('objects have no prototype, so no name means anything special', () => {
  const value = parseUntrusted('{"constructor":1,"toString":2,"hasOwnProperty":3}')
  expect(Object.getPrototypeOf(value)).toBeNull()
  expect(Object.keys(value as object)).toEqual(['constructor', 'toString', 'hasOwnProperty'])
})

test.each([
  ['a member named twice', '{"a":1,"a":2}'],
  ['a member named twice, once with an escape', '{"a":1,"\\u0061":2}'],
  ['a member named twice deep inside', '[{"x":{"b":1,"c":2,"b":3}}]'],
  ['a member named __proto__', '{"__proto__":{"admin":true}}'],
  ['a member named __proto__ by escapes', '{"\\u005f_proto__":1}'],
  ['an integer beyond 2^53', '9007199254740993'],
  ['an integer beyond 2^53 in exponent form', '1e300'],
  ['a negative integer beyond 2^53', '-9007199254740992'],
  ['an integer of a hundred digits', '1'.repeat(100)],
  ['a number that is infinite', '1e999'],
  ['NaN', 'NaN'],
  ['Infinity', '-Infinity'],
  ['a leading zero', '01'],
  ['a leading plus', '+1'],
  ['a bare point', '1.'],
  ['a missing whole part', '.5'],
  ['an empty exponent', '1e'],
  ['hexadecimal', '0x10'],
  ['a lone high surrogate', '"\\ud83d"'],
  ['a lone low surrogate', '"\\ude00"'],
  ['surrogates in the wrong order', '"\\ude00\\ud83d"'],
  ['a raw lone surrogate', '"\ud83d"'],
  ['a lone surrogate in a name', '{"\\ud800":1}'],
  ['a byte order mark', '\ufeff{}'],
  ['a control character in a string', '"\u0001"'],
  ['a line feed in a string', '"\n"'],
  ['an unknown escape', '"\\x41"'],
  ['a cut escape', '"\\u12"'],
  ['a string without end', '"abc'],
  ['single quotes', "'a'"],
  ['a comment', '/* */ 1'],
  ['a trailing comma in an array', '[1,]'],
  ['a trailing comma in an object', '{"a":1,}'],
  ['a missing comma', '[1 2]'],
  ['a missing colon', '{"a" 1}'],
  ['a name without quotes', '{a:1}'],
  ['an unclosed array', '[1'],
  ['an unclosed object', '{"a":1'],
  ['two values', '1 2'],
  ['a word cut short', 'tru'],
  ['a word in capitals', 'True'],
  ['nothing', ''],
  ['white space alone', ' \n'],
  ['white space that JSON does not know', '\u00a0 1'],
  ['undefined', 'undefined'],
])('%s is refused', (_what, text) => {
  expect(() => parseUntrusted(text)).toThrow(invalid)
})

test.each([
  ['a stray continuation byte', bytes(0x22, 0x80, 0x22)],
  ['an overlong encoding', bytes(0x22, 0xc0, 0xaf, 0x22)],
  ['a surrogate encoded in UTF-8', bytes(0x22, 0xed, 0xa0, 0x80, 0x22)],
  ['a cut sequence', bytes(0x22, 0xe2, 0x82)],
  ['a byte order mark in bytes', bytes(0xef, 0xbb, 0xbf, 0x31)],
  ['UTF-16', bytes(0xff, 0xfe, 0x31, 0x00)],
])('%s is refused', (_what, input) => {
  expect(() => parseUntrusted(input)).toThrow(invalid)
})

const nested = (depth: number) => '['.repeat(depth) + ']'.repeat(depth)
const objects = (depth: number) => '{"a":'.repeat(depth) + '0' + '}'.repeat(depth)

test('thirty-two levels are read and one more is not', () => {
  expect(() => parseUntrusted(nested(32))).not.toThrow()
  expect(() => parseUntrusted(nested(33))).toThrow(invalid)
  expect(() => parseUntrusted(objects(32))).not.toThrow()
  expect(() => parseUntrusted(objects(33))).toThrow(invalid)
})

test('a million levels are refused like any others', () => {
  expect(() => parseUntrusted('['.repeat(1_000_000))).toThrow(invalid)
  expect(() => parseUntrusted('{"a":'.repeat(150_000))).toThrow(invalid)
})

test('limits are the caller’s to set', () => {
  expect(() => parseUntrusted('[[0]]', { maxDepth: 1 })).toThrow(refusedWith('INVALID_ARGUMENT'))
  expect(() => parseUntrusted('[0,0]', { maxNodes: 2 })).toThrow(refusedWith('TOO_LARGE'))
  expect(parseUntrusted('"é"', { maxBytes: 4 })).toBe('é')
  expect(() => parseUntrusted('"éé"', { maxBytes: 5 })).toThrow(refusedWith('TOO_LARGE'))
  expect(() => parseUntrusted(new Uint8Array(9), { maxBytes: 8 })).toThrow(refusedWith('TOO_LARGE'))
})

test('the message names the position', () => {
  expect(() => parseUntrusted('{"a": 1, "a": 2}')).toThrow('position 9: a member is named twice')
  expect(() => parseUntrusted('[1, x]')).toThrow('position 4: expected a value')
})

const parse = (text: string) => {
  try {
    parseUntrusted(text, { maxBytes: 1e8 })
  } catch {
    // Refusals have to be linear too.
  }
}

const fastest = (text: string) =>
  Math.min(
    ...Array.from({ length: 5 }, () => {
      const start = performance.now()
      parse(text)
      return performance.now() - start
    }),
  )

test.each([
  ['numbers', (n: number) => `[${'0,'.repeat(n)}0]`],
  ['one string', (n: number) => `"${'a'.repeat(n)}"`],
  ['escapes', (n: number) => `"${'\\n'.repeat(n)}"`],
  ['members', (n: number) => `{${Array.from({ length: n }, (_, i) => `"k${i}":0`).join()}}`],
  ['digits', (n: number) => `0.${'1'.repeat(n)}`],
  ['white space', (n: number) => `${' '.repeat(n)}0`],
  ['unclosed strings', (n: number) => `["${'a'.repeat(n)}`],
])('time is linear in the number of %s', { timeout: 30_000 }, (_what, make) => {
  const [short, long] = [make(4_000), make(128_000)]
  parse(long)
  // 32 times the input; quadratic would be 1,024 times the time. Between the two there is room for a
  // machine that has other things to do.
  expect(fastest(long)).toBeLessThan(250 * fastest(short) + 5)
})

test('a string of many megabytes is no problem', () => {
  const text = `"${'x'.repeat(30_000_000)}"`
  expect((parseUntrusted(text, { maxBytes: 1e8 }) as string).length).toBe(30_000_000)
})
