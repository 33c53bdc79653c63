import { expect, test } from 'vitest'
import { chainEvents, eventHash, firstBreak, GENESIS, type Unchained } from './chain.ts'

const event: Unchained = {
  position: 1n,
  stream: 'user/alice@a.test',
  version: 1,
  type: 'UserRegistered',
  data: new Uint8Array([1, 2]),
  metadata: new Uint8Array([3]),
  recordedAt: 1_700_000_000_000,
}
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const hashOf = (changed: Partial<Unchained> = {}, previous = GENESIS, partition = 'identity-0') =>
  hex(eventHash(previous, partition, { ...event, ...changed }))

// Computed by another program, from the description alone.
test('the hash of an event never changes', () => {
  expect(hashOf()).toBe('ef8a06f9db7f2940db0b57d42a9dbdcea7ab5b7d423e5d32f5a51345dcb557d4')
})

test('the hash covers everything about the event and its place', () => {
  const hashes = [
    hashOf(),
    hashOf({ position: 2n }),
    hashOf({ stream: 'user/bob@a.test' }),
    hashOf({ version: 2 }),
    hashOf({ type: 'UserRegistere' }),
    hashOf({ data: new Uint8Array([1, 3]) }),
    hashOf({ metadata: new Uint8Array([4]) }),
    hashOf({ recordedAt: 1_700_000_000_001 }),
    hashOf({}, new Uint8Array(32).fill(1)),
    hashOf({}, GENESIS, 'identity-1'),
  ]
  expect(new Set(hashes).size).toBe(hashes.length)
})

test('bytes cannot move from one field to the next unnoticed', () => {
  const a = hashOf({ data: new Uint8Array([1, 2]), metadata: new Uint8Array([3]) })
  const b = hashOf({ data: new Uint8Array([1]), metadata: new Uint8Array([2, 3]) })
  expect(a).not.toBe(b)
  expect(hashOf({ stream: 'ab', type: 'c' })).not.toBe(hashOf({ stream: 'a', type: 'bc' }))
})

test('events larger than the scratch buffer are hashed in full', () => {
  const data = new Uint8Array(100_000)
  const before = hashOf({ data })
  data[99_999] = 1
  expect(hashOf({ data })).not.toBe(before)
})

test('an unbroken chain has no break, and a changed event is found where it is', () => {
  const unchained = [1, 2, 3].map((n) => ({ ...event, position: BigInt(n), version: n }))
  const events = chainEvents(GENESIS, 'identity-0', unchained)
  expect(firstBreak(GENESIS, 'identity-0', events)).toBeUndefined()
  expect(firstBreak(GENESIS, 'identity-1', events)).toBe(1n)
  const changed = events.map((e) => (e.position === 2n ? { ...e, type: 'Other' } : e))
  expect(firstBreak(GENESIS, 'identity-0', changed)).toBe(2n)
  const dropped = events.filter((e) => e.position !== 2n)
  expect(firstBreak(GENESIS, 'identity-0', dropped)).toBe(3n)
})
