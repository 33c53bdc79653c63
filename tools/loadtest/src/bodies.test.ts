import { expect, test } from 'vitest'
import { bodies } from './bodies.ts'

test.each([0, 1, 2048, 262_144, 1_000_000])('a body of %i bytes has as many', (bytes) => {
  const body = bodies(1)(12_345, bytes)
  expect(Buffer.byteLength(body)).toBe(bytes)
})

test('seed and number determine the body', () => {
  expect(bodies(1)(5, 500)).toBe(bodies(1)(5, 500))
  expect(bodies(1)(5, 500)).not.toBe(bodies(2)(5, 500))
})

test('no two of many messages have the same body', () => {
  const body = bodies(3)
  const all = Array.from({ length: 20_000 }, (_, number) => body(number, 200))
  expect(new Set(all).size).toBe(20_000)
})
