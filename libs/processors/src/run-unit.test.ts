import { MailxError } from '@mailx/errors/mailx-error'
import type { CommittedBatch, EventLog } from '@mailx/event-log/event-log'
import { memoryEventLog } from '@mailx/event-log/memory-event-log'
import type { Pool } from 'pg'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createInbox, type Inbox } from './inbox.ts'
import { startUnit, type Unit } from './run-unit.ts'

const PARTITION = 'mailbox-0'
const bytes = { encode: (m: Uint8Array) => ({ finish: () => m }), decode: (m: Uint8Array) => m }

let log: EventLog
let inbox: Inbox
let unit: Unit
let reads: number
let isAway: boolean
let batches: CommittedBatch[]
const applied: bigint[] = []

beforeEach(async () => {
  vi.useFakeTimers()
  applied.length = 0
  batches = []
  reads = 0
  isAway = false
  const memory = memoryEventLog({ mailbox: 1 }, () => 1000)
  memory.onCommitted((batch) => batches.push(batch))
  log = {
    ...memory,
    read(request) {
      reads += 1
      return memory.read(request)
    },
  }
  inbox = createInbox()
  // A follower needs no database: what is left is how a unit finds its events.
  unit = startUnit({
    pool: {} as Pool,
    log,
    schema: 'test',
    processor: {
      kind: 'follower',
      of: {
        name: 'test.follow',
        contexts: ['mailbox'],
        events: { Happened: bytes },
        apply: (events) => applied.push(...events.map(({ position }) => position)),
      },
    },
    partition: PARTITION,
    inbox,
    readHead: async () => {
      if (isAway) throw new MailxError('UNAVAILABLE', 'the database is away')
      const [head] = await log.heads('mailbox')
      if (head === undefined) throw new Error('no head')
      return head
    },
    onProgress: () => {},
    onTrouble: () => {},
  })
  await vi.advanceTimersByTimeAsync(0)
})
afterEach(async () => {
  await unit.stop()
  vi.useRealTimers()
})

async function append(count: number): Promise<void> {
  for (let i = 0; i < count; i += 1) {
    await log.append({
      context: 'mailbox',
      key: 'key',
      stream: 'stream',
      expectedVersion: 'any',
      events: [{ type: 'Happened', data: new Uint8Array(1) }],
    })
  }
}

async function arrive(...indices: number[]): Promise<void> {
  for (const index of indices) inbox.add(batches[index] as CommittedBatch)
  unit.wake()
  await vi.advanceTimersByTimeAsync(0)
}

test('what arrives in order is applied without reading the log', async () => {
  await append(3)
  const before = reads
  await arrive(0)
  await arrive(1, 2)
  expect(applied).toEqual([1n, 2n, 3n])
  expect(reads).toBe(before)
})

test('a batch that is only late is waited for', async () => {
  await append(2)
  const before = reads
  await arrive(1)
  await vi.advanceTimersByTimeAsync(10)
  expect(applied).toEqual([])
  await arrive(0)
  expect(applied).toEqual([1n, 2n])
  expect(reads).toBe(before)
})

test('a batch that does not come is read from the log', async () => {
  await append(3)
  await arrive(2)
  await vi.advanceTimersByTimeAsync(30)
  expect(applied).toEqual([1n, 2n, 3n])
})

test('silence ends when a head is expected that nobody brought', async () => {
  await append(5)
  await vi.advanceTimersByTimeAsync(1000)
  expect(applied).toEqual([])
  const [head] = await log.heads('mailbox')
  if (head !== undefined) unit.expect(head)
  await vi.advanceTimersByTimeAsync(0)
  expect(applied).toEqual([1n, 2n, 3n, 4n, 5n])
})

test('a batch beyond everything that was committed is thrown away', async () => {
  await append(1)
  const genuine = batches[0] as CommittedBatch
  inbox.add({ ...genuine, firstPosition: 50n })
  unit.wake()
  await vi.advanceTimersByTimeAsync(100)
  expect(applied).toEqual([1n])
  expect(inbox.laterThan(1n)).toEqual([])
})

test('it stops while it waits for a late batch, also when that never existed', async () => {
  await append(1)
  await arrive(0)
  inbox.add({ ...(batches[0] as CommittedBatch), firstPosition: 50n })
  unit.wake()
  await vi.advanceTimersByTimeAsync(5)
  let stopped = false
  void unit.stop().then(() => {
    stopped = true
  })
  await vi.advanceTimersByTimeAsync(100)
  expect(stopped).toBe(true)
})

test('without anything new it gets on again once the database is back', async () => {
  const [head] = await log.heads('mailbox')
  if (head === undefined) throw new Error('no head')
  isAway = true
  unit.expect({ ...head, position: 1n })
  await vi.advanceTimersByTimeAsync(20_000)
  unit.expect(head)
  expect(performance.now() - unit.lastProgress()).toBeGreaterThan(10_000)
  isAway = false
  await vi.advanceTimersByTimeAsync(20_000)
  unit.expect(head)
  expect(performance.now() - unit.lastProgress()).toBe(0)
})
