import { expect, test } from 'vitest'
import { hashAddress, setAddressHashKey } from './address-hash.ts'

const noon = Date.UTC(2026, 10, 22, 12)
const DAY_MS = 24 * 60 * 60 * 1000

test('an address has one hash a day, whatever its case, and tells nothing of the address', () => {
  expect(hashAddress('Bob@B.test', noon)).toBe(hashAddress('bob@b.test', noon + 1))
  expect(hashAddress('bob@b.test', noon)).toMatch(/^[0-9a-f]{16}$/)
  expect(hashAddress('bob@b.test', noon)).not.toBe(hashAddress('alice@a.test', noon))
})

test('the next day it is another', () => {
  expect(hashAddress('bob@b.test', noon)).not.toBe(hashAddress('bob@b.test', noon + DAY_MS))
})

test('processes with the same key write the same hash, others do not', () => {
  const key = new Uint8Array(32).fill(7)
  setAddressHashKey(() => key)
  const first = hashAddress('bob@b.test', noon)
  setAddressHashKey(() => new Uint8Array(32).fill(8))
  expect(hashAddress('bob@b.test', noon)).not.toBe(first)
  setAddressHashKey(() => key)
  expect(hashAddress('bob@b.test', noon)).toBe(first)
})
