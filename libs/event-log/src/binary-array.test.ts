import { expect, test } from 'vitest'
import { byteaArray, int4Array, int8Array, textArray } from './binary-array.ts'

const header = (type: number, length: number) =>
  Buffer.from(
    [1, 0, type, length, 1].flatMap((n) => [n >>> 24, (n >>> 16) & 255, (n >>> 8) & 255, n & 255]),
  )

test('a bytea array is a header and each element behind its length', () => {
  const expected = Buffer.concat([header(17, 2), Buffer.from([0, 0, 0, 2, 7, 8, 0, 0, 0, 0])])
  expect(byteaArray([new Uint8Array([7, 8]), new Uint8Array(0)])).toEqual(expected)
})

test('a text array counts bytes of UTF-8, not characters', () => {
  const text = 'ä€😀'
  const bytes = Buffer.from(text)
  const expected = Buffer.concat([header(25, 1), Buffer.from([0, 0, 0, bytes.length]), bytes])
  expect(textArray([text])).toEqual(expected)
})

test('an int4 array holds negative numbers too', () => {
  const expected = Buffer.concat([header(23, 1), Buffer.from([0, 0, 0, 4, 255, 255, 255, 254])])
  expect(int4Array([-2])).toEqual(expected)
})

test('an int8 array holds what a double cannot', () => {
  const value = [255, 255, 255, 255, 255, 255, 255, 254]
  const expected = Buffer.concat([header(20, 1), Buffer.from([0, 0, 0, 8, ...value])])
  expect(int8Array([-2n])).toEqual(expected)
})

test('empty arrays have a length of zero', () => {
  expect(byteaArray([])).toEqual(header(17, 0))
  expect(textArray([])).toEqual(header(25, 0))
  expect(int4Array([])).toEqual(header(23, 0))
  expect(int8Array([])).toEqual(header(20, 0))
})
