import { expect, test } from 'vitest'
import type { DueDelivery } from './due-delivery.ts'
import { laneQueue } from './lane-queue.ts'

const limits = { deliveries: 64, bytes: 4 * 1024 * 1024 }
let position = 0n

function due(sender: string, recipient: string, change: Partial<DueDelivery> = {}): DueDelivery {
  position += 1n
  return {
    origin: 'a.test',
    peer: 'b.test',
    partition: 'submission-0',
    position,
    ordinal: 0,
    messageId: new Uint8Array(16).fill(Number(position)),
    sender: `${sender}@a.test`,
    recipient: `${recipient}@b.test`,
    acceptedAt: 0,
    createdAt: 0,
    expiresAt: 1,
    contentHash: new Uint8Array(32).fill(Number(position)),
    contentSize: 2_000,
    envelopeHash: new Uint8Array(32),
    envelopeSize: 500,
    attachments: [],
    traceparent: '',
    state: { status: 'due', told: [], delayed: false },
    version: 0,
    attempts: 0,
    lastFault: undefined,
    ...change,
  }
}

test('deliveries of different pairs go in one batch, in their order', () => {
  const queue = laneQueue()
  const [a, b, c] = [due('alice', 'bob'), due('alice', 'bea'), due('ann', 'bob')]
  queue.add([a, b, c])
  expect(queue.take(limits)).toEqual([a, b, c])
  expect(queue.take(limits)).toEqual([])
  expect(queue).toMatchObject({ size: 3, taken: 3 })
})

test('several envelopes of a pair go in one batch, in their order', () => {
  const queue = laneQueue()
  const [first, other, second] = [due('alice', 'bob'), due('ann', 'bob'), due('alice', 'bob')]
  queue.add([first, other, second])
  expect(queue.take(limits)).toEqual([first, second, other])
})

test('a later envelope waits while one of its pair is in an earlier batch', () => {
  const queue = laneQueue()
  const [first, second, third] = [due('alice', 'bob'), due('alice', 'bob'), due('alice', 'bob')]
  queue.add([first, second])
  expect(queue.take({ ...limits, deliveries: 2 })).toEqual([first, second])
  queue.add([third])
  expect(queue.take(limits)).toEqual([])
  queue.settle(second)
  expect(queue.take(limits)).toEqual([])
  queue.settle(first)
  expect(queue.take(limits)).toEqual([third])
})

test('a later envelope goes once the peer has decided on the earlier one, which stays held', () => {
  const queue = laneQueue()
  const [first, second, third] = [due('alice', 'bob'), due('alice', 'bob'), due('alice', 'bob')]
  queue.add([first])
  queue.take(limits)
  queue.answered(first)
  expect(queue).toMatchObject({ size: 1, taken: 1 })
  queue.add([second])
  expect(queue.take(limits)).toEqual([second])
  queue.settle(first)
  queue.add([third])
  expect(queue.take(limits)).toEqual([])
  queue.answered(second)
  expect(queue.take(limits)).toEqual([third])
  expect(queue.all()).toEqual([second, third])
})

test('it says whether so many could be taken now', () => {
  const queue = laneQueue()
  expect(queue.has(1)).toBe(false)
  queue.add([due('alice', 'bob'), due('alice', 'bob'), due('ann', 'bob')])
  expect([queue.has(3), queue.has(4)]).toEqual([true, false])
  queue.take({ ...limits, deliveries: 1 })
  expect([queue.has(1), queue.has(2)]).toEqual([true, false])
})

test('a later envelope waits as well while the earlier one waits for its next try', () => {
  const queue = laneQueue()
  const [first, second] = [due('alice', 'bob'), due('alice', 'bob')]
  queue.add([first, second])
  queue.take({ ...limits, deliveries: 1 })
  queue.release(first, 100)
  expect(queue.wake(99)).toBe(100)
  expect(queue.take(limits)).toEqual([])
  expect(queue.wake(100)).toBeUndefined()
  expect(queue.take(limits)).toEqual([first, second])
})

test('what is held is not added again', () => {
  const queue = laneQueue()
  const first = due('alice', 'bob')
  queue.add([first])
  queue.add([{ ...first }])
  queue.take(limits)
  queue.add([{ ...first }])
  expect(queue.size).toBe(1)
})

test('a batch has at most so many deliveries', () => {
  const queue = laneQueue()
  queue.add(Array.from({ length: 100 }, (_, n) => due(`u${n}`, 'bob')))
  expect(queue.take(limits)).toHaveLength(64)
  expect(queue.take(limits)).toHaveLength(36)
})

test('a batch has at most so many bytes, and a content shared by many counts once', () => {
  const queue = laneQueue()
  const big = { contentSize: 900_000 }
  queue.add(Array.from({ length: 10 }, (_, n) => due(`u${n}`, 'bob', big)))
  expect(queue.take(limits)).toHaveLength(4)
  queue.clear()
  const shared = { ...big, contentHash: new Uint8Array(32) }
  queue.add(Array.from({ length: 40 }, (_, n) => due('alice', `b${n}`, shared)))
  expect(queue.take(limits)).toHaveLength(40)
})

test('one delivery always fits', () => {
  const queue = laneQueue()
  queue.add([due('alice', 'bob', { contentSize: 99_000_000 })])
  expect(queue.take(limits)).toHaveLength(1)
})

test('a delivery can be settled before it was taken, and makes room for the next of its pair', () => {
  const queue = laneQueue()
  const [first, second, third] = [due('a', 'b'), due('a', 'b'), due('a', 'b')]
  queue.add([first, second, third])
  queue.settle(second)
  queue.settle(first)
  expect(queue.take(limits)).toEqual([third])
  expect(queue).toMatchObject({ size: 1, taken: 1, waiting: 0 })
})

test('a waiting delivery can be settled', () => {
  const queue = laneQueue()
  const first = due('a', 'b')
  queue.add([first])
  queue.take(limits)
  queue.release(first, 100)
  queue.settle(first)
  queue.settle(first)
  expect(queue).toMatchObject({ size: 0, taken: 0, waiting: 0 })
  expect(queue.wake(1_000)).toBeUndefined()
})
