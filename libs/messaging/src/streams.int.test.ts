import { type TestNats, testNats } from '@mailx/testing/test-nats'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectNats } from './connect.ts'
import { ensureStreams, streamName, streams } from './streams.ts'

let server: TestNats
let nats: NatsConnection

beforeAll(async () => {
  server = await testNats()
  nats = await connectNats({ url: server.url, name: 'test' })
})
afterAll(async () => {
  await nats.close()
  await server.drop()
})

const existing = async () => {
  const manager = await jetstreamManager(nats)
  return (await manager.streams.list().next()).map(({ config }) => config)
}

test('every context has a stream that is bounded and drops its oldest messages', async () => {
  await ensureStreams(nats)
  const found = await existing()
  expect(found.map(({ name }) => name).toSorted()).toEqual(
    streams.map(({ name }) => name).toSorted(),
  )
  for (const { max_bytes, discard, storage } of found) {
    expect({ discard, storage }).toEqual({ discard: 'old', storage: 'file' })
    expect(max_bytes).toBeGreaterThan(0)
  }
})

test('processes may ensure the streams at the same time, and again', async () => {
  const manager = await jetstreamManager(nats)
  await manager.streams.delete(streamName('identity'))
  await Promise.all([ensureStreams(nats), ensureStreams(nats), ensureStreams(nats, ['identity'])])
  expect(await existing()).toHaveLength(streams.length)
})

test('what an operator changed stays', async () => {
  const manager = await jetstreamManager(nats)
  await manager.streams.update(streamName('mailbox'), { max_bytes: 1_000_000 })
  await ensureStreams(nats)
  const { config } = await manager.streams.info(streamName('mailbox'))
  expect(config.max_bytes).toBe(1_000_000)
})
