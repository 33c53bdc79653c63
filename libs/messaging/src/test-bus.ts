import type { CurrentKeys, Keys } from '@mailx/crypto/current-keys'
import { type TestLog, testLog } from '@mailx/event-log/test-log'
import { type TestNats, testNats } from '@mailx/testing/test-nats'
import type { NatsConnection } from '@nats-io/nats-core'
import { connectNats } from './connect.ts'
import { type Relay, type RelayOptions, startRelay } from './relay.ts'

export type TestBus = TestLog & {
  readonly nats: NatsConnection
  readonly natsUrl: string
  readonly busKeys: CurrentKeys
  /** What went wrong so far, in the relays that were started here. */
  readonly troubles: unknown[]
  startRelay(options?: Partial<RelayOptions>): Relay
}

/** A log and a bus of their own, for integration tests. Relays end with `drop`. */
export async function testBus(contexts: { [context: string]: number }): Promise<TestBus> {
  const db = await testLog({ contexts })
  const server: TestNats = await testNats()
  const nats = await connectNats({ url: server.url, name: 'test' })
  const keys: Keys = [new Uint8Array(32).fill(7)]
  const busKeys = () => keys
  const troubles: unknown[] = []
  const relays: Relay[] = []
  const onTrouble = (error: unknown) => troubles.push(error)
  return {
    ...db,
    nats,
    natsUrl: server.url,
    busKeys,
    troubles,
    startRelay(options = {}) {
      const { pool, log } = db
      const relay = startRelay({ pool, log, nats, busKeys, onTrouble, ...options })
      relays.push(relay)
      return relay
    },
    async drop() {
      for (const relay of relays) await relay.stop()
      await nats.close()
      await server.drop()
      await db.drop()
    },
  }
}
