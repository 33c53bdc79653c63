import type { CommittedBatch } from '@mailx/event-log/event-log'
import { EventMetadata } from '@mailx/proto/log/v1/batch'
import { isSampled } from '@mailx/telemetry/propagation'
import { withSpan } from '@mailx/telemetry/tracer'
import { SpanKind } from '@opentelemetry/api'

/** Shorter metadata cannot hold a traceparent. */
const TRACED_BYTES = 57

/**
 * Runs `work` in a `publish` span when events of the batch are recorded. A batch of one trace
 * continues that trace; one of several links to them.
 */
export function withPublishSpan<T>(batch: CommittedBatch, work: () => Promise<T>): Promise<T> {
  const parents = new Set(tracesIn(batch))
  const [first] = parents
  if (first === undefined) return work()
  const { context, partition, firstPosition, events } = batch
  const options = {
    kind: SpanKind.PRODUCER,
    parent: parents.size === 1 ? first : '',
    links: parents.size === 1 ? [] : parents,
    attributes: {
      'messaging.system': 'nats',
      'messaging.operation.type': 'send',
      'messaging.operation.name': 'publish',
      'messaging.destination.name': `log.${context}`,
      'messaging.destination.partition.id': partition,
      'messaging.message.id': `${partition}/${firstPosition}`,
      'messaging.batch.message_count': events.length,
    },
  }
  return withSpan(`publish log.${context}`, options, work)
}

function* tracesIn({ events }: CommittedBatch): Generator<string> {
  for (const { metadata } of events) {
    if (metadata.length < TRACED_BYTES) continue
    const { traceparent } = EventMetadata.decode(metadata)
    if (isSampled(traceparent)) yield traceparent
  }
}
