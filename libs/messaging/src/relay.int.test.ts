import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startNats } from '@mailx/backends/start-nats'
import type { CommittedBatch, EventLog } from '@mailx/event-log/event-log'
import { appendRequest } from '@mailx/event-log/test-log'
import { eventually } from '@mailx/testing/eventually'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { openBatch } from './batch.ts'
import { connectNats } from './connect.ts'
import { ensureStreams, streamName } from './streams.ts'
import { type TestBus, testBus } from './test-bus.ts'

const CONTEXT = 'submission'
let bus: TestBus

beforeEach(async () => {
  bus = await testBus({ [CONTEXT]: 1 })
  await ensureStreams(bus.nats, [CONTEXT])
})
afterEach(() => bus.drop())

const appendMany = (log: EventLog, name: string, count: number, bytes = 100) =>
  Promise.all(
    Array.from({ length: count }, (_, i) => {
      const events = [{ type: 'Happened', data: new Uint8Array(bytes) }]
      return log.append(appendRequest({ stream: `${name}-${i}`, events }))
    }),
  )

/** Everything on the bus, in the order in which it was published. */
async function published(nats: NatsConnection = bus.nats): Promise<CommittedBatch[]> {
  const stream = await jetstream(nats).streams.get(streamName(CONTEXT))
  const { state } = await stream.info()
  const batches: CommittedBatch[] = []
  for (let seq = Math.max(state.first_seq, 1); seq <= state.last_seq; seq += 1) {
    const message = await stream.getMessage({ seq })
    const batch = message && openBatch(bus.busKeys(), message.data)
    if (batch) batches.push(batch)
  }
  return batches
}

const positions = (batches: readonly CommittedBatch[]) =>
  batches.flatMap(({ events }) => events.map(({ position }) => position))

const range = (last: number) => Array.from({ length: last }, (_, i) => BigInt(i + 1))
const distinct = (all: readonly bigint[]) => [...new Set(all)].toSorted((a, b) => Number(a - b))

const markReaches = (position: bigint) =>
  eventually(async () => (await bus.log.heads(CONTEXT))[0]?.published === position)

test('each committed batch goes out as one message, once, and the mark follows', async () => {
  bus.startRelay()
  await appendMany(bus.log, 'a', 100)
  await appendMany(bus.log, 'b', 50)
  await markReaches(150n)
  const batches = await published()
  expect(positions(batches)).toEqual(range(150))
  expect(batches.length).toBeLessThan(20)
  expect(bus.troubles).toEqual([])
})

test('a batch larger than a message may be goes out in several that continue each other', async () => {
  bus.startRelay()
  await appendMany(bus.log, 'large', 20, 200_000)
  await markReaches(20n)
  expect(positions(await published())).toEqual(range(20))
})

test('an event larger than any message is left to Postgres and stops nothing', async () => {
  bus.startRelay()
  await appendMany(bus.log, 'before', 1)
  await appendMany(bus.log, 'huge', 1, 2_000_000)
  await appendMany(bus.log, 'after', 1)
  await markReaches(3n)
  expect(positions(await published())).toEqual([1n, 3n])
})

test('what was committed while no relay ran is published by the next one', async () => {
  await appendMany(bus.log, 'unpublished', 700)
  bus.startRelay()
  await markReaches(700n)
  expect(positions(await published())).toEqual(range(700))
})

test('a process that dies between COMMIT and publish is made up for by another', async () => {
  bus.startRelay({ sweepEveryMs: 50 })
  const script = fileURLToPath(new URL('./die-before-publish.fixture.ts', import.meta.url))
  const child = fork(script, [bus.url])
  await once(child, 'exit')
  expect(child.signalCode).toBe('SIGKILL')
  await markReaches(5n)
  expect(positions(await published())).toEqual(range(5))
})

test('two processes publish what they committed, whatever the order, without a second copy', async () => {
  const other = await bus.openAnother()
  bus.startRelay()
  bus.startRelay({ log: other })
  for (let round = 0; round < 20; round += 1) {
    await Promise.all([appendMany(bus.log, `a-${round}`, 5), appendMany(other, `b-${round}`, 5)])
  }
  await markReaches(200n)
  const all = positions(await published())
  expect(distinct(all)).toEqual(range(200))
  expect(all).toHaveLength(200)
})

test('while NATS is down appending goes on, and afterwards all is published', async () => {
  const server = await startNats({ own: true, say: () => {} })
  const nats = await connectNats({ url: server.url, name: 'test' })
  const relay = bus.startRelay({ nats })
  await appendMany(bus.log, 'up', 5)
  await markReaches(5n)
  await server.kill()
  await appendMany(bus.log, 'down', 20)
  await server.restart()
  await markReaches(25n)
  expect(distinct(positions(await published(nats)))).toEqual(range(25))
  await relay.stop()
  await nats.close()
  await server.stop()
})

test('a stream that was deleted is made again', async () => {
  bus.startRelay()
  const manager = await jetstreamManager(bus.nats)
  await appendMany(bus.log, 'a', 5)
  await markReaches(5n)
  await manager.streams.delete(streamName(CONTEXT))
  await appendMany(bus.log, 'b', 5)
  await markReaches(10n)
  expect(distinct(positions(await published()))).toEqual(range(10).slice(5))
})
