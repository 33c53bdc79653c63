import type { Keys } from '@mailx/crypto/current-keys'
import { chainEvents, GENESIS } from '@mailx/event-log/chain'
import type { CommittedBatch } from '@mailx/event-log/event-log'
import { Batch, SealedBatch } from '@mailx/proto/log/v1/batch'
import { expect, test } from 'vitest'
import { openBatch, sealBatch, splitBatch } from './batch.ts'

const keyOf = (byte: number) => new Uint8Array(32).fill(byte)
const busKeys: Keys = [keyOf(1)]

function batchOf(sizes: readonly number[]): CommittedBatch {
  const unchained = sizes.map((size, i) => ({
    position: BigInt(i + 5),
    stream: `mailbox/user${i}@a.test`,
    version: i + 1,
    type: 'FlagsChanged',
    data: new Uint8Array(size).fill(i),
    metadata: new Uint8Array([7]),
    recordedAt: 1_700_000_000_000 + i,
  }))
  const events = chainEvents(GENESIS, 'mailbox-3', unchained)
  return {
    context: 'mailbox',
    partition: 'mailbox-3',
    firstPosition: 5n,
    previousHash: GENESIS,
    hash: events.at(-1)?.hash ?? GENESIS,
    events,
  }
}

const batch = batchOf([3, 0, 300])
const sealed = sealBatch(busKeys, batch)

/** The batch with something changed, sealed with the right key. */
function resealed(change: (batch: Batch) => Batch): Uint8Array {
  const { batch: bytes } = SealedBatch.decode(sealed)
  const changed = change(Batch.decode(bytes))
  const events = changed.events.map((event) => ({
    ...event,
    hash: GENESIS,
    recordedAt: Number(event.recordedAtUnixMs),
  }))
  return sealBatch(busKeys, { ...changed, context: 'mailbox', events })
}

test('what is opened is what was sealed', () => {
  expect(openBatch(busKeys, sealed)).toEqual(batch)
})

test('a batch from somebody without the key is refused', () => {
  expect(openBatch([keyOf(2)], sealed)).toBeUndefined()
})

test('while the key changes, a batch under either opens, and is sealed under the first', () => {
  expect(openBatch([keyOf(2), keyOf(1)], sealed)).toEqual(batch)
  const anew = sealBatch([keyOf(2), keyOf(1)], batch)
  expect(openBatch([keyOf(2)], anew)).toEqual(batch)
  expect(openBatch([keyOf(1)], anew)).toBeUndefined()
})

test('any changed byte is noticed', () => {
  for (let i = 0; i < sealed.length; i += 1) {
    const changed = sealed.slice()
    changed[i] = (changed[i] ?? 0) ^ 1
    expect(openBatch(busKeys, changed) ?? batch).toEqual(batch)
  }
  expect(openBatch(busKeys, sealed.slice(0, -1))).toBeUndefined()
})

test.each([
  ['nothing', new Uint8Array(0)],
  ['noise', new Uint8Array(1000).fill(0xff)],
  ['text', new TextEncoder().encode('{"partition": "mailbox-3"}')],
])('%s is not a batch', (_, bytes) => {
  expect(openBatch(busKeys, bytes)).toBeUndefined()
})

test.each<[string, (batch: Batch) => Batch]>([
  ['positions that do not follow each other', (b) => ({ ...b, firstPosition: 6n })],
  ['no events', (b) => ({ ...b, events: [] })],
  ['a hash that is not the chain over its events', (b) => ({ ...b, hash: GENESIS })],
  ['a previous hash that does not lead to the hash', (b) => ({ ...b, previousHash: b.hash })],
  ['a previous hash that is none', (b) => ({ ...b, previousHash: new Uint8Array(3) })],
  ['the name of another partition', (b) => ({ ...b, partition: 'mailbox-4' })],
])('a batch with %s is refused even with the right key', (_, change) => {
  expect(openBatch(busKeys, resealed(change))).toBeUndefined()
})

test('a batch is split below a size, and the parts continue each other', () => {
  const whole = batchOf([100, 100, 100, 1000, 100])
  const parts = splitBatch(whole, 500)
  expect(parts.map(({ events }) => events.length)).toEqual([1, 1, 1, 1, 1])
  const wider = splitBatch(whole, 800)
  expect(wider.map(({ events }) => events.length)).toEqual([3, 1, 1])
  expect(wider.flatMap(({ events }) => events)).toEqual(whole.events)
  expect(wider[1]?.previousHash).toEqual(wider[0]?.hash)
  expect(wider[1]?.firstPosition).toBe(8n)
  expect(wider.at(-1)?.hash).toEqual(whole.hash)
  for (const part of wider) expect(openBatch(busKeys, sealBatch(busKeys, part))).toEqual(part)
})

test('a batch below the size stays whole', () => {
  expect(splitBatch(batch, 10_000)).toEqual([batch])
})
