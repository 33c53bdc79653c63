import { expect, test } from 'vitest'
import { parseAddress } from './address.ts'
import { displayDomain } from './display-domain.ts'
import { parseDomain } from './domain.ts'

test.each([
  ['alice@a.test', 'alice@a.test', undefined],
  ['Alice@A.Test', 'alice@a.test', undefined],
  ['alice+shop@a.test', 'alice@a.test', 'shop'],
  ['a.b_c-1@x.example', 'a.b_c-1@x.example', undefined],
  ['bob@bücher.example', 'bob@xn--bcher-kva.example', undefined],
  [`${'a'.repeat(64)}@a.test`, `${'a'.repeat(64)}@a.test`, undefined],
])('%s is the user %s', (text, canonical, tag) => {
  const address = parseAddress(text)
  expect(address.canonical).toBe(canonical)
  expect(address.tag).toBe(tag)
  expect(parseAddress(address.canonical)).toEqual({ ...address, tag: undefined })
})

test.each([
  '',
  '@',
  'a',
  'a@',
  '@a.test',
  'a@b@c.test',
  '.a@a.test',
  'a.@a.test',
  'a..b@a.test',
  'a+@a.test',
  '+a@a.test',
  'a+b+c@a.test',
  '"a b"@a.test',
  'a(comment)@a.test',
  'a%b@a.test',
  'a!b@a.test',
  'a b@a.test',
  ' a@a.test',
  'a@a.test ',
  'a\u0000@a.test',
  'a\r\nb@a.test',
  'ä@a.test',
  '\u212A@a.test',
  'ａ@a.test',
  '=?utf-8?q?a?=@a.test',
  '<a@a.test>',
  `${'a'.repeat(65)}@a.test`,
])('%j is no address', (text) => {
  expect(() => parseAddress(text)).toThrow(
    expect.objectContaining({ code: expect.stringMatching(/^INVALID_(ADDRESS|DOMAIN)$/) }),
  )
})

test.each([
  ['EXAMPLE.com', 'example.com'],
  ['Bücher.example', 'xn--bcher-kva.example'],
  ['xn--bcher-kva.example', 'xn--bcher-kva.example'],
  ['例え.テスト', 'xn--r8jz45g.xn--zckzah'],
  ['localhost', 'localhost'],
  [`${'a'.repeat(63)}.test`, `${'a'.repeat(63)}.test`],
])('the domain %s is written %s', (text, canonical) => {
  expect(parseDomain(text)).toBe(canonical)
  expect(parseDomain(canonical)).toBe(canonical)
})

test.each([
  '',
  '.',
  'a.',
  '.a',
  'a..b',
  '-a.test',
  'a-.test',
  'a_b.test',
  'a b.test',
  'a/b.test',
  'a%2eb.test',
  'a:80',
  'a@b.test',
  '127.0.0.1',
  '0x7f.1',
  '2130706433',
  '017700000001',
  '1.2.3',
  '[::1]',
  '::1',
  'xn--zzzzzzzzzz99999.test',
  'xn--.test',
  'xn--a.test',
  'a\u00ad.test\u0000',
  '１２７.0.0.1',
  `${'a'.repeat(64)}.test`,
  `${'a.'.repeat(127)}test`,
])('%j is no domain', (text) => {
  expect(() => parseDomain(text)).toThrow(expect.objectContaining({ code: 'INVALID_DOMAIN' }))
})

test.each([
  ['a kelvin sign', 'a\u212ab.test'],
  ['an \u00e5ngstr\u00f6m sign', '\u212b.test'],
  ['an accent of its own', 'a\u0301.test'],
  ['a capital that has no small letter of its own', '\u0130stanbul.test'],
  ['a ligature', '\ufb01.test'],
  ['an ideographic full stop', 'a\u3002test'],
  ['a zero width space', 'a\u200bb.test'],
  ['a soft hyphen', 'a\u00adb.test'],
  ['letters of two directions', '\u05d0a.test'],
  ['half a character', '\ud800.test'],
  ['punycode of plain letters', 'xn--abc-.test'],
  ['punycode of a capital', 'xn--bcher-2pa.test'],
  ['punycode within punycode', 'xn--xn--bcher-kva-abc.test'],
])('%s is no part of a domain', (_what, text) => {
  expect(() => parseDomain(text)).toThrow(expect.objectContaining({ code: 'INVALID_DOMAIN' }))
})

test('a capital sigma is one small letter wherever it stands', () => {
  expect(parseDomain('\u0391\u03a3')).toBe(parseDomain('\u03b1\u03c3'))
  expect(parseDomain('\u0391\u03a3.test')).toBe(parseDomain('\u03b1\u03c3.test'))
})

test.each([
  ['a slash', 'bank\u2044login.test'],
  ['another slash', 'bank\u2215login.test'],
  ['a colon', 'bank\u02d0443.test'],
  ['an exclamation mark', 'bank\u01c3.test'],
  ['a hyphen', 'my\u2010bank.test'],
  ['a dash', 'my\u30fcbank.test'],
  ['an accent on an i', 'i\u0307.test'],
  ['a struck letter', 'a\u0338.test'],
  ['a heart', 'i\u2764.test'],
  ['a whole word of look-alikes', '\u0430\u0440\u0440\u04cf\u0435.test'],
  ['Latin and Greek', 'go\u03bfgle.test'],
  ['Latin and Han', 'bank\u4e2d.test'],
])('what looks like %s is shown as punycode', (_what, text) => {
  const domain = parseDomain(text)
  expect(displayDomain(domain)).toBe(domain)
})

test.each([
  'b\u00fccher.test',
  '\u03b2\u03cc\u03bb\u03bf\u03c2.test',
  '\u043f\u043e\u0447\u0442\u0430.test',
  '\u043f\u0440\u0438\u0432\u0435\u0442-2.test',
  '\u30b3\u30fc\u30d2\u30fc\u5c4b.test',
  '\ud55c\uad6d.test',
  '\u05d0\u05d1\u05d2.test',
  '\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.test',
  '\u0939\u093f\u0928\u094d\u0926\u0940.test',
])('%s is shown as it is, and read back', (text) => {
  const domain = parseDomain(text)
  expect(domain).toMatch(/^xn--/)
  expect(displayDomain(domain)).toBe(text)
  expect(parseDomain(displayDomain(domain))).toBe(domain)
})

test('a domain is shown in its letters, unless a label mixes scripts', () => {
  expect(displayDomain('xn--bcher-kva.example')).toBe('bücher.example')
  expect(displayDomain('xn--r8jz45g.xn--zckzah')).toBe('例え.テスト')
  // A Cyrillic а among Latin letters.
  expect(displayDomain(parseDomain('p\u0430ypal.example'))).toBe(parseDomain('p\u0430ypal.example'))
})

test('however long the text, a refusal comes at once', () => {
  const text = `${'a.'.repeat(1e6)}@${'b.'.repeat(1e6)}`
  const start = performance.now()
  expect(() => parseAddress(text)).toThrow('characters')
  expect(() => parseDomain(text)).toThrow('characters')
  expect(performance.now() - start).toBeLessThan(2_000)
})
