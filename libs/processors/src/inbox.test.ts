import { chainEvents, GENESIS } from '@mailx/event-log/chain'
import type { CommittedBatch } from '@mailx/event-log/event-log'
import { expect, test } from 'vitest'
import { createInbox } from './inbox.ts'

const events = chainEvents(
  GENESIS,
  'mail-0',
  Array.from({ length: 40 }, (_, i) => ({
    position: BigInt(i + 1),
    stream: 's',
    version: i + 1,
    type: 'X',
    data: new Uint8Array(1000),
    metadata: new Uint8Array(0),
    recordedAt: 0,
  })),
)
const start = { position: 0n, hash: GENESIS }
const at = (position: number) => ({
  position: BigInt(position),
  hash: events[position - 1]?.hash ?? GENESIS,
})

/** The events from one position to another, as they would arrive. */
function batch(first: number, last: number, change: Partial<CommittedBatch> = {}): CommittedBatch {
  const part = events.slice(first - 1, last)
  return {
    context: 'mail',
    partition: 'mail-0',
    firstPosition: BigInt(first),
    previousHash: at(first - 1).hash,
    hash: at(last).hash,
    events: part,
    ...change,
  }
}
const inboxWith = (...batches: CommittedBatch[]) => {
  const inbox = createInbox()
  for (const one of batches) inbox.add(one)
  return inbox
}

test('what continues the checkpoint is taken, as many batches as fit', () => {
  const inbox = inboxWith(batch(4, 6), batch(1, 3), batch(7, 20))
  expect(inbox.take(start, 10)).toEqual({ events: events.slice(0, 6), end: at(6) })
  expect(inbox.take(at(6), 100)).toEqual({ events: events.slice(6, 20), end: at(20) })
})

test('it is known by its first position whether a batch is there, until all are done with it', () => {
  const inbox = inboxWith(batch(4, 6))
  expect([inbox.has(4n), inbox.has(5n)]).toEqual([true, false])
  inbox.forget(6n)
  expect(inbox.has(4n)).toBe(false)
})

test('a batch larger than the limit is cut', () => {
  const inbox = inboxWith(batch(1, 20))
  const page = inbox.take(start, 5)
  expect(page?.events).toEqual(events.slice(0, 5))
  expect(page?.end).toMatchObject(at(5))
})

test('nothing is taken across a gap, but what lies beyond is told', () => {
  const inbox = inboxWith(batch(5, 8))
  expect(inbox.take(at(2), 10)).toBeUndefined()
  expect(inbox.laterThan(2n)).toEqual([5n])
  inbox.drop([5n])
  expect(inbox.laterThan(2n)).toEqual([])
})

test('a batch that continues another history is thrown away', () => {
  const inbox = inboxWith(batch(3, 4, { previousHash: new Uint8Array(32).fill(1) }))
  expect(inbox.take(at(2), 10)).toBeUndefined()
  inbox.add(batch(3, 4))
  expect(inbox.take(at(2), 10)?.end).toEqual(at(4))
})

test('what everybody has processed is forgotten and not taken in again', () => {
  const inbox = inboxWith(batch(1, 3), batch(4, 6))
  inbox.forget(3n)
  inbox.add(batch(1, 3))
  expect(inbox.take(start, 10)).toBeUndefined()
  expect(inbox.take(at(3), 10)?.end).toEqual(at(6))
})

test('a full inbox takes nothing more until there is room', () => {
  const large = events.map((event) => ({ ...event, data: new Uint8Array(9_000_000) }))
  const huge = (n: number) => batch(n, n, { events: large.slice(n - 1, n) })
  const inbox = inboxWith(huge(1), huge(2), huge(3))
  expect(inbox.laterThan(0n)).toEqual([1n, 2n])
  inbox.forget(1n)
  inbox.add(huge(3))
  expect(inbox.laterThan(0n)).toEqual([2n, 3n])
})
