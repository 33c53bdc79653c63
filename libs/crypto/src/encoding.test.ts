import { MailxError } from '@mailx/errors/mailx-error'
import { expect, test } from 'vitest'
import { concat, concatAll, fromBase64, fromHex, toBase64, toHex } from './encoding.ts'

const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' })

/** Every text of so many characters out of these. */
const texts = (characters: readonly string[], length: number): string[] =>
  length === 0
    ? ['']
    : texts(characters, length - 1).flatMap((text) => characters.map((next) => text + next))

test('bytes have one base64 spelling: what is read is written the same', () => {
  const characters = ['A', 'B', 'Q', 'g', '/', '=', '-', '\n', '\u0141']
  const all = [0, 1, 2, 3, 4].flatMap((length) => texts(characters, length))
  const read = all.flatMap((text) => {
    const bytes = readBase64(text)
    return bytes ? [{ text, bytes }] : []
  })
  expect(read.filter(({ bytes, text }) => toBase64(bytes) !== text)).toEqual([])
  // The empty text; 5^4 without padding; 5^2 times {A, Q, g} with one "="; 5 times {A, Q, g} with two.
  expect(read).toHaveLength(1 + 625 + 75 + 15)
})

function readBase64(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text)
  } catch (error) {
    if (error instanceof MailxError && error.code === 'INVALID_ARGUMENT') return undefined
    throw error
  }
}

test.each(['AAA=AAAA', 'AA==AAAA', 'AAAA====', '\uff21\uff21\uff21\uff21', 'AAAA\n', '\0AAA'])(
  'base64 %j is refused',
  (text) => {
    expect(() => fromBase64(text)).toThrow(refused)
  },
)

test.each([31, 33, 63, 65])('a key or signature of %i bytes is not taken for another', (length) => {
  const text = toBase64(new Uint8Array(length))
  expect(() => fromBase64(text, 32)).toThrow(refused)
  expect(() => fromBase64(text, 64)).toThrow(refused)
})

test('hexadecimal goes both ways and nothing else is taken', () => {
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)
  expect(fromHex(toHex(bytes))).toEqual(bytes)
  expect(fromHex('aAfF')).toEqual(new Uint8Array([0xaa, 0xff]))
  for (const bad of ['a', 'zz', '0x', ' 0', '-1', '\uff10\uff10']) {
    expect(() => fromHex(bad)).toThrow(refused)
  }
})

test('more parts are put together than a call has room for', () => {
  const parts = Array.from({ length: 150_000 }, () => new Uint8Array([7]))
  expect(concatAll(parts)).toHaveLength(150_000)
  expect(concat()).toHaveLength(0)
})

test('reading and writing base64 takes time in proportion to the length', () => {
  const fastest = (length: number) => Math.min(...Array.from({ length: 5 }, () => timed(length)))
  timed(400_000)
  // 64 times the length: 64 times as long, and 4,096 times were it quadratic.
  expect(fastest(1_600_000) / fastest(25_000)).toBeLessThan(500)
})

function timed(length: number): number {
  const bytes = new Uint8Array(length).fill(7)
  const start = performance.now()
  fromBase64(toBase64(bytes))
  return performance.now() - start
}
