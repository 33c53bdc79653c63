import { startNats } from '@mailx/backends/start-nats'
import { chainEvents, GENESIS } from '@mailx/event-log/chain'
import type { CommittedBatch, StoredEvent } from '@mailx/event-log/event-log'
import { sealBatch } from '@mailx/messaging/batch'
import { connectNats } from '@mailx/messaging/connect'
import { ensureStreams, streamName, subjectOf } from '@mailx/messaging/streams'
import { type JetStreamManager, jetstream, jetstreamManager } from '@nats-io/jetstream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { CONTEXT, eachOnce, type TestRunner, testRunner } from './test-runner.ts'

const PARTITION = 'submission-0'
let t: TestRunner

beforeEach(async () => {
  t = await testRunner({ [CONTEXT]: 1 })
  await ensureStreams(t.nats, [CONTEXT])
})
afterEach(() => t.drop())

type Disturb = (manager: JetStreamManager, stream: string) => Promise<unknown>

test.each<[string, Disturb]>([
  ['the stream is deleted', (manager, stream) => manager.streams.delete(stream)],
  [
    'the stream is emptied, again and again',
    async (manager, stream) => {
      for (let i = 0; i < 5; i += 1) await manager.streams.purge(stream)
    },
  ],
  [
    'the stream starts again from sequence one',
    async (manager, stream) => {
      await manager.streams.delete(stream)
      await ensureStreams(t.nats, [CONTEXT])
    },
  ],
  [
    'all consumers are deleted',
    async (manager, stream) => {
      const consumers = await manager.consumers.list(stream).next()
      for (const { name } of consumers) await manager.consumers.delete(stream, name)
    },
  ],
])('%s while events flow: nothing is missed', async (_, disturb) => {
  const runner = await t.run()
  t.startRelay()
  await t.count(200)
  const flowing = t.count(600)
  await disturb(await jetstreamManager(t.nats), streamName(CONTEXT))
  await flowing
  await t.count(100)
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
  expect(runner.ready()).toEqual({ ready: true })
})

test('NATS dies and comes back while events flow: nothing is missed, and nobody waits for it', async () => {
  const server = await startNats({ own: true, say: () => {} })
  const nats = await connectNats({ url: server.url, name: 'test' })
  const relay = t.startRelay({ nats })
  const runner = await t.run({ nats })
  await t.count(100)
  await server.kill()
  await t.count(100)
  await runner.caughtUp(5000)
  expect(await t.tally()).toSatisfy(eachOnce)
  await server.restart()
  await t.count(100)
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
  await runner.stop()
  await relay.stop()
  await nats.close()
  await server.stop()
})

/** The log as batches of a few events, as a relay would publish them. */
async function batchesOf(size: number): Promise<CommittedBatch[]> {
  const events = await t.log.read({ partition: PARTITION, after: 0n, limit: 10_000 })
  const batches: CommittedBatch[] = []
  for (let i = 0; i < events.length; i += size) {
    const part = events.slice(i, i + size)
    const previousHash = events[i - 1]?.hash ?? GENESIS
    batches.push(batch(part, previousHash))
  }
  return batches
}

const batch = (events: readonly StoredEvent[], previousHash: Uint8Array): CommittedBatch => ({
  context: CONTEXT,
  partition: PARTITION,
  firstPosition: events[0]?.position ?? 0n,
  previousHash,
  hash: events.at(-1)?.hash ?? GENESIS,
  events,
})

const publish = (sealed: Uint8Array) =>
  jetstream(t.nats).publish(subjectOf(CONTEXT, PARTITION), sealed)

test('batches that come three times and shuffled are applied once', async () => {
  const runner = await t.run()
  await t.count(400)
  const batches = await batchesOf(7)
  const shuffled = [...batches, ...batches, ...batches]
    .map((one, i) => [(i * 7919) % 1009, one] as const)
    .toSorted(([a], [b]) => a - b)
  for (const [, one] of shuffled) await publish(sealBatch(t.busKeys(), one))
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
})

/** What an attacker who cannot write to Postgres would like to have applied. */
function forgedAfter(last: StoredEvent | undefined, previousHash: Uint8Array): CommittedBatch {
  const event = {
    position: (last?.position ?? 0n) + 1n,
    stream: 'forged',
    version: 1,
    type: 'Counted',
    data: new Uint8Array([99]),
    metadata: new Uint8Array(0),
    recordedAt: 0,
  }
  return batch(chainEvents(previousHash, PARTITION, [event]), previousHash)
}

test.each<[string, (last: StoredEvent, first: StoredEvent) => Uint8Array]>([
  [
    'without the bus key',
    (last) => sealBatch([new Uint8Array(32).fill(1)], forgedAfter(last, last.hash)),
  ],
  [
    'with the bus key but another history',
    (last) => sealBatch(t.busKeys(), forgedAfter(last, new Uint8Array(32).fill(9))),
  ],
  [
    'with the bus key, for positions far ahead',
    (last) =>
      sealBatch(t.busKeys(), forgedAfter({ ...last, position: last.position + 50n }, last.hash)),
  ],
  ['that is an old one once more', (_, first) => sealBatch(t.busKeys(), batch([first], GENESIS))],
])('a batch %s changes nothing', async (_, forge) => {
  const runner = await t.run()
  t.startRelay()
  await t.count(50)
  await runner.caughtUp()
  const events = await t.log.read({ partition: PARTITION, after: 0n, limit: 1000 })
  const before = await t.dump()
  const [first, last] = [events[0] as StoredEvent, events.at(-1) as StoredEvent]
  for (let i = 0; i < 3; i += 1) await publish(forge(last, first))
  await runner.caughtUp()
  expect(await t.dump()).toEqual(before)
  await t.count(50)
  await runner.caughtUp()
  expect(await t.tally()).toSatisfy(eachOnce)
  expect(runner.ready()).toEqual({ ready: true })
})
