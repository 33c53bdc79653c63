import type { CommittedBatch } from '@mailx/event-log/event-log'
import { appendRequest } from '@mailx/event-log/test-log'
import { eventually } from '@mailx/testing/eventually'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { sealBatch } from './batch.ts'
import { consume } from './consume.ts'
import { ensureStreams, streamName, subjectOf } from './streams.ts'
import { type TestBus, testBus } from './test-bus.ts'

const CONTEXT = 'submission'
let bus: TestBus
let stopping: AbortController
let consuming: Promise<void>
const received: CommittedBatch[] = []

beforeEach(async () => {
  bus = await testBus({ [CONTEXT]: 1 })
  stopping = new AbortController()
  received.length = 0
  bus.startRelay()
  consuming = receive()
  await eventually(async () => (await consumers()).length === 1)
})
afterEach(async () => {
  stopping.abort()
  await consuming
  await bus.drop()
})

const onTrouble = () => {}
const isNews = (_: string, first: bigint) => first !== 666n

async function receive(): Promise<void> {
  const { nats, busKeys } = bus
  const { signal } = stopping
  for await (const batch of consume({
    nats,
    busKeys,
    context: CONTEXT,
    signal,
    isNews,
    onTrouble,
  })) {
    received.push(batch)
  }
}

async function consumers() {
  const manager = await jetstreamManager(bus.nats)
  return manager.consumers.list(streamName(CONTEXT)).next()
}

let count = 0
const append = () => bus.log.append(appendRequest({ stream: `stream-${(count += 1)}` }))

const receives = (position: bigint) =>
  eventually(() => received.some(({ firstPosition }) => firstPosition === position))

const appendAndReceive = () =>
  eventually(async () => {
    const { position } = await append()
    return eventually(() => received.some((batch) => batch.firstPosition === position), {
      timeoutMs: 1000,
    })
  })

test('what one process commits another receives', async () => {
  const { position } = await append()
  await receives(position)
  expect(received[0]).toMatchObject({ partition: 'submission-0', events: [{ position }] })
})

test('a message that did not come from a holder of the bus key is passed over', async () => {
  const client = jetstream(bus.nats)
  const subject = subjectOf(CONTEXT, 'submission-0')
  await append()
  await receives(1n)
  const [genuine] = received
  if (genuine === undefined) throw new Error('nothing received')
  await client.publish(subject, sealBatch([new Uint8Array(32).fill(8)], genuine))
  await client.publish(subject, 'noise')
  await append()
  await receives(2n)
  expect(received).toHaveLength(2)
})

test('a message that says itself that it is old is not even opened', async () => {
  await append()
  await receives(1n)
  const client = jetstream(bus.nats)
  const sealed = sealBatch(bus.busKeys(), received[0] as CommittedBatch)
  const msgID = 'submission-0/666'
  await client.publish(subjectOf(CONTEXT, 'submission-0'), sealed, { msgID })
  await append()
  await receives(2n)
  expect(received).toHaveLength(2)
})

test('a consumer that was deleted is made again', async () => {
  const manager = await jetstreamManager(bus.nats)
  const [before] = await consumers()
  await manager.consumers.delete(streamName(CONTEXT), before?.name ?? '')
  expect(await appendAndReceive()).toBe(true)
})

test('after the stream was deleted messages arrive again', async () => {
  const manager = await jetstreamManager(bus.nats)
  await manager.streams.delete(streamName(CONTEXT))
  expect(await appendAndReceive()).toBe(true)
})

test('after the stream was emptied messages arrive again', async () => {
  const manager = await jetstreamManager(bus.nats)
  await append()
  await receives(1n)
  await manager.streams.purge(streamName(CONTEXT))
  expect(await appendAndReceive()).toBe(true)
})

test('after the sequence started again from one messages arrive again', async () => {
  const manager = await jetstreamManager(bus.nats)
  await append()
  await receives(1n)
  await manager.streams.delete(streamName(CONTEXT))
  await ensureStreams(bus.nats, [CONTEXT])
  expect(await appendAndReceive()).toBe(true)
})

test('it ends when it is aborted, at whatever moment', async () => {
  for (let delayMs = 0; delayMs < 20; delayMs += 1) {
    const { nats, busKeys } = bus
    const abort = new AbortController()
    const batches = consume({ nats, busKeys, context: CONTEXT, signal: abort.signal, onTrouble })
    const first = batches.next()
    setTimeout(() => abort.abort(), delayMs)
    expect(await first).toEqual({ done: true, value: undefined })
  }
})
