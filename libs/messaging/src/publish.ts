import type { CurrentKeys } from '@mailx/crypto/current-keys'
import type { CommittedBatch } from '@mailx/event-log/event-log'
import { jetstream } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/nats-core'
import { sealBatch, splitBatch } from './batch.ts'
import { publishedBatches } from './bus-metrics.ts'
import { withPublishSpan } from './publish-span.ts'
import { subjectOf } from './streams.ts'

export type Publish = (batch: CommittedBatch) => Promise<void>

/** Room that a message's headers may take below the server's limit. */
const HEADROOM_BYTES = 16 * 1024
const DEFAULT_MAX_PAYLOAD = 1024 * 1024
const ACK_TIMEOUT_MS = 5000

/**
 * Publishes a batch, in several messages when it is larger than one may be, and resolves when
 * JetStream has them. An event too large for any message is left out; consumers find the gap and
 * read it from Postgres.
 */
export function publisher(nats: NatsConnection, busKeys: CurrentKeys): Publish {
  const client = jetstream(nats)
  return (batch) => withPublishSpan(batch, () => publish(batch))

  async function publish(batch: CommittedBatch): Promise<void> {
    const { context, partition } = batch
    const limit = (nats.info?.max_payload ?? DEFAULT_MAX_PAYLOAD) - HEADROOM_BYTES
    const messages = splitBatch(batch, limit).map((part) => ({
      msgID: `${partition}/${part.firstPosition}`,
      bytes: sealBatch(busKeys(), part),
    }))
    const fitting = messages.filter(({ bytes }) => bytes.length <= limit)
    await Promise.all(
      fitting.map(({ msgID, bytes }) =>
        client.publish(subjectOf(context, partition), bytes, { msgID, timeout: ACK_TIMEOUT_MS }),
      ),
    )
    publishedBatches.inc({ context }, fitting.length)
  }
}
