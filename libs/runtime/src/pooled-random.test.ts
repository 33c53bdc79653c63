import { expect, test } from 'vitest'
import { pooledRandom } from './pooled-random.ts'

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

test.each([16, 24, 32, 64, 65, 10_000])('bytes of %i are as many, and never the same', (length) => {
  const seen = new Set<string>()
  for (let i = 0; i < 1_000; i++) {
    const bytes = pooledRandom(length)
    expect(bytes).toHaveLength(length)
    seen.add(text(bytes))
  }
  expect(seen.size).toBe(1_000)
})

test('what one caller does to its bytes is nothing to another', () => {
  const first = pooledRandom(16)
  const before = text(first)
  const second = pooledRandom(16)
  second.fill(0)
  expect(text(first)).toBe(before)
  expect(text(pooledRandom(16))).not.toBe(text(second))
})

test('every byte takes every value', () => {
  const values = new Set<number>()
  for (let i = 0; i < 1_000; i++) for (const byte of pooledRandom(32)) values.add(byte)
  expect(values.size).toBe(256)
})
