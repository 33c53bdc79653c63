import { crashAt } from '@mailx/config/crash-at'
import type { CurrentKeys } from '@mailx/crypto/current-keys'
import type { CommittedBatch, EventLog } from '@mailx/event-log/event-log'
import { contextNames } from '@mailx/events/contexts'
import { createLogger } from '@mailx/telemetry/logger'
import type { NatsConnection } from '@nats-io/nats-core'
import type pg from 'pg'
import { publishFailures } from './bus-metrics.ts'
import { isConnected } from './connection-state.ts'
import { logTrouble } from './log-trouble.ts'
import { markPublished } from './mark-published.ts'
import { publisher } from './publish.ts'
import { publishedRanges } from './published-ranges.ts'
import { repeatedly } from './repeatedly.ts'
import { ensureStreams } from './streams.ts'
import { sweeper } from './sweep.ts'

export type RelayOptions = {
  readonly pool: pg.Pool
  readonly log: EventLog
  readonly nats: NatsConnection
  readonly busKeys: CurrentKeys
  /** What this process appends to, and so publishes; left out: everything. */
  readonly contexts?: readonly string[]
  readonly onTrouble?: (error: unknown) => void
  /** How often the marks in Postgres are moved. */
  readonly markEveryMs?: number
  /** How often it looks for what nobody published. */
  readonly sweepEveryMs?: number
}

export type Relay = {
  /** Waits until what was committed before is published, or cannot be. */
  stop(): Promise<void>
}

const MAX_BYTES_IN_FLIGHT = 32 * 1024 * 1024

/**
 * Carries committed batches from the log to JetStream.
 *
 * 1. A batch committed in this process is published at once, straight from memory.
 * 2. Acknowledged ranges are noted, and a few times a second the mark `published` in Postgres is
 *    moved over those that continue it.
 * 3. What stays above the mark (NATS was down, or a process died between COMMIT and publish) is read
 *    back from Postgres and published, by one relay of the service at a time; see `sweeper`.
 *
 * Whatever fails in 1 is left to 3. Messages may so go out twice or out of order, which consumers
 * notice by position and hash.
 */
export function startRelay(options: RelayOptions): Relay {
  const { pool, log, nats, busKeys, markEveryMs = 200, sweepEveryMs = 500 } = options
  const { contexts = contextNames } = options
  const { onTrouble = logTrouble(createLogger({ service: 'relay' })) } = options
  const publish = publisher(nats, busKeys)
  const ranges = publishedRanges()
  const inFlight = new Set<Promise<void>>()
  let bytesInFlight = 0
  let streamsSuspect = true

  const unsubscribe = log.onCommitted((batch) => {
    const bytes = sizeOf(batch)
    if (!isConnected(nats) || bytesInFlight + bytes > MAX_BYTES_IN_FLIGHT) return
    bytesInFlight += bytes
    const done = relay(batch).finally(() => {
      bytesInFlight -= bytes
      inFlight.delete(done)
    })
    inFlight.add(done)
  })
  const marking = repeatedly(markEveryMs, moveMarks, onTrouble)
  const sweep = sweeper({ pool, log, contexts, publish })
  const sweeping = repeatedly(sweepEveryMs, sweepOnce, onTrouble)

  return {
    async stop() {
      unsubscribe()
      await Promise.all(inFlight)
      await marking.stop()
      await sweeping.stop()
      await moveMarks().catch(onTrouble)
    },
  }

  async function relay(batch: CommittedBatch): Promise<void> {
    const { context, partition, firstPosition, events } = batch
    try {
      crashAt('relay.before-publish')
      await publish(batch)
      crashAt('relay.after-publish')
      const last = firstPosition + BigInt(events.length - 1)
      ranges.add(partition, { first: firstPosition, last })
    } catch (error) {
      publishFailures.inc({ context })
      streamsSuspect = true
      onTrouble(error)
    }
  }

  async function moveMarks(): Promise<void> {
    const lowest = ranges.lowest()
    if (lowest.length === 0) return
    for (const { partition, published } of await markPublished(pool, lowest)) {
      ranges.forget(partition, published)
    }
    crashAt('relay.after-mark')
  }

  async function sweepOnce(): Promise<void> {
    if (!isConnected(nats)) return
    if (streamsSuspect) {
      await ensureStreams(nats, contexts)
      streamsSuspect = false
    }
    try {
      await sweep()
    } catch (error) {
      streamsSuspect = true
      throw error
    }
  }
}

const sizeOf = ({ events }: CommittedBatch): number =>
  events.reduce((sum, { data, metadata }) => sum + data.length + metadata.length + 200, 0)
