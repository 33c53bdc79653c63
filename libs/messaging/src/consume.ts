import { setTimeout as delay } from 'node:timers/promises'
import type { CurrentKeys } from '@mailx/crypto/current-keys'
import type { CommittedBatch } from '@mailx/event-log/event-log'
import {
  AckPolicy,
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream'
import { type NatsConnection, nanos } from '@nats-io/nats-core'
import { openBatch } from './batch.ts'
import { consumerRestarts, refusedBatches } from './bus-metrics.ts'
import { isConnected } from './connection-state.ts'
import { isStreamMissing, streamName } from './streams.ts'

export type ConsumeOptions = {
  readonly nats: NatsConnection
  readonly busKeys: CurrentKeys
  readonly context: string
  /** Ends the iteration. */
  readonly signal: AbortSignal
  /** Whether a batch is worth opening, by its partition and first position as yet unproven. */
  readonly isNews?: (partition: string, firstPosition: bigint) => boolean
  readonly onTrouble?: (error: unknown) => void
}

const RETRY_MS = 250
const IDLE_HEARTBEAT_MS = 1000
const ANSWER_TIMEOUT_MS = 2000
/** What the server may send ahead of the reader; above the largest message. */
const MAX_BYTES_AHEAD = 4 * 1024 * 1024

/**
 * The batches published from now on, as they arrive: each is genuine and consistent in itself, but
 * any may be missing, repeated or out of order; the reader goes by positions and hashes and fetches
 * from Postgres what it lacks. Nothing is acknowledged and no consumer outlives its process, because
 * the place to continue is the reader's checkpoint. A consumer that disappears is made anew; a stream
 * is waited for, because only its writer may make it.
 */
export async function* consume(options: ConsumeOptions): AsyncGenerator<CommittedBatch> {
  const { busKeys, context, signal, onTrouble } = options
  // A counter that begins at 1 has not grown, as Prometheus sees it.
  refusedBatches.inc({ context }, 0)
  while (!signal.aborted) {
    try {
      if (!isConnected(options.nats)) {
        await pause(signal)
        continue
      }
      const messages = await openConsumer(options)
      const stop = () => messages.stop()
      signal.addEventListener('abort', stop, { once: true })
      // Aborted while it was opened: that event is over.
      if (signal.aborted) stop()
      try {
        for await (const message of messages) {
          if (!isWorthOpening(options, message)) continue
          const batch = openBatch(busKeys(), message.data)
          if (batch?.context === context) yield batch
          else refusedBatches.inc({ context })
        }
      } finally {
        signal.removeEventListener('abort', stop)
        messages.stop()
      }
    } catch (error) {
      if (!signal.aborted && !isStreamMissing(error)) onTrouble?.(error)
    }
    if (signal.aborted) return
    consumerRestarts.inc({ context })
    await pause(signal)
  }
}

/** Ends early when aborted. */
const pause = (signal: AbortSignal): Promise<void> =>
  delay(RETRY_MS, undefined, { signal }).catch(() => {})

/** Only what says by itself that it is old is passed over; the sender cannot make us accept more. */
function isWorthOpening({ isNews }: ConsumeOptions, { headers }: JsMsg): boolean {
  const id = /^(.+)\/(\d{1,18})$/.exec(headers?.get('Nats-Msg-Id') ?? '')
  if (isNews === undefined || id === null) return true
  const [, partition = '', firstPosition = '0'] = id
  return isNews(partition, BigInt(firstPosition))
}

async function openConsumer({ nats, context }: ConsumeOptions): Promise<ConsumerMessages> {
  const manager = await jetstreamManager(nats, { checkAPI: false, timeout: ANSWER_TIMEOUT_MS })
  const stream = streamName(context)
  const config = {
    ack_policy: AckPolicy.None,
    deliver_policy: DeliverPolicy.New,
    inactive_threshold: nanos(30_000),
    mem_storage: true,
  }
  const { name } = await manager.consumers.add(stream, config)
  const consumer = await jetstream(nats).consumers.get(stream, name)
  return consumer.consume({
    max_bytes: MAX_BYTES_AHEAD,
    expires: 5000,
    idle_heartbeat: IDLE_HEARTBEAT_MS,
    abort_on_missing_resource: true,
  })
}
