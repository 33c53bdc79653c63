import { expect, test } from 'vitest'
import { firstBreak, GENESIS } from './chain.ts'
import type { PendingAppend } from './pending-append.ts'
import { distinctBlobs, planBatch } from './plan-batch.ts'

const start = { position: 10n, hash: GENESIS }
const plan = (requests: readonly PendingAppend[], known: [string, number][] = []) =>
  planBatch('mail-0', requests, start, 1000, new Map(known))

function request(
  stream: string,
  expectedVersion: number | 'any',
  { count = 1 } = {},
): PendingAppend {
  const event = { type: 'X', data: new Uint8Array(1), metadata: new Uint8Array(0) }
  return {
    stream,
    expectedVersion,
    events: Array.from({ length: count }, () => event),
    blobs: [],
    bytes: 1,
    traceparent: '',
    since: 0,
    patienceMs: 0,
    resolve: () => {},
    reject: () => {},
  }
}

test('positions follow the head without a gap, and the chain continues from it', () => {
  const { events, end } = plan([request('a', 0, { count: 2 }), request('b', 5)])
  expect(events.map(({ position }) => position)).toEqual([11n, 12n, 13n])
  expect(events.map(({ version }) => version)).toEqual([1, 2, 6])
  expect(firstBreak(GENESIS, 'mail-0', events)).toBeUndefined()
  expect(end).toEqual({ position: 13n, hash: events[2]?.hash })
})

test('a later request for a stream sees the version that an earlier one leaves', () => {
  const { checks, included, held, versions } = plan([request('a', 0), request('a', 1)])
  expect([...checks]).toEqual([['a', 0]])
  expect(included.map(({ version }) => version)).toEqual([1, 2])
  expect(held).toEqual([])
  expect([...versions]).toEqual([['a', 2]])
})

test('a request that contradicts an earlier one is held back', () => {
  const second = request('a', 0)
  const { included, held } = plan([request('a', 0), second])
  expect(included).toHaveLength(1)
  expect(held).toEqual([second])
})

test('"any" continues the known version, or what the batch made of it', () => {
  const known: [string, number][] = [['a', 7]]
  const { events, checks } = plan(
    [request('a', 'any'), request('a', 'any'), request('b', 'any')],
    known,
  )
  expect(events.map(({ version }) => version)).toEqual([8, 9, 1])
  expect([...checks]).toEqual([
    ['a', 7],
    ['b', 0],
  ])
})

test('each blob goes in once, in the order of the hashes', () => {
  const blobs = ['c', 'a', 'b', 'a'].map((name) => ({
    hash: Buffer.from(name),
    data: new Uint8Array(1),
  }))
  const names = distinctBlobs(blobs).map(({ hash }) => Buffer.from(hash).toString())
  expect(names).toEqual(['a', 'b', 'c'])
})
