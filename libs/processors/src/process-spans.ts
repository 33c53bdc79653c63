import type { Recorded } from '@mailx/events/event'
import { followOn, linksTo } from '@mailx/telemetry/propagation'
import { failSpan, insideSpan, startSpan } from '@mailx/telemetry/tracer'
import { type Span, SpanKind } from '@opentelemetry/api'
import type { Processor } from './processor.ts'

/** As many links as the SDK keeps of a span. */
const MAX_LINKS = 128

const isSampled = ({ metadata }: Recorded): boolean => metadata.traceparent.endsWith('-01')

/**
 * Runs `work` in spans of the events whose traces are recorded; events of other traces cost nothing.
 *
 * - One event: in its `process` span, which is in the event's trace, or linked to it when it is late.
 * - Several: in one `receive` span, a trace of its own that is linked to theirs. Each that is prompt has
 *   a `process` span in its own trace too; of late ones, which a rebuild brings by the thousand, the
 *   link is all.
 */
export async function withProcessSpans<T>(
  processor: Processor,
  events: readonly Recorded[],
  work: () => Promise<T>,
  now: number = Date.now(),
): Promise<T> {
  const traced = events.filter(isSampled)
  const [first] = traced
  if (first === undefined) return work()
  const isBatch = events.length > 1
  const batch = isBatch ? receiveSpan(processor, traced, events.length) : undefined
  const spans = traced.flatMap((event) => {
    const place = followOn(event.metadata.traceparent, now - event.recordedAt)
    return isBatch && place.parent === ''
      ? []
      : [processSpan(processor, event, events.length, place)]
  })
  const all = batch === undefined ? spans : [batch, ...spans]
  try {
    // What one event causes belongs into its trace; what several cause together into that of the batch.
    const [around] = all
    return await (around === undefined ? work() : insideSpan(around, work))
  } catch (error) {
    for (const span of all) failSpan(span, error)
    throw error
  } finally {
    for (const span of all) span.end()
  }
}

function receiveSpan(
  { kind, of: { name } }: Processor,
  traced: readonly Recorded[],
  batchSize: number,
): Span {
  return startSpan(`receive ${name}`, {
    kind: SpanKind.CLIENT,
    parent: '',
    links: linksTo(traced.slice(0, MAX_LINKS).map(({ metadata }) => metadata.traceparent)),
    attributes: {
      'messaging.system': 'nats',
      'messaging.operation.type': 'receive',
      'messaging.operation.name': 'receive',
      'messaging.destination.name': destinationOf(traced[0]),
      'messaging.consumer.group.name': name,
      'messaging.batch.message_count': batchSize,
      'mailx.processor.kind': kind,
    },
  })
}

function processSpan(
  { kind, of: { name } }: Processor,
  event: Recorded,
  batchSize: number,
  place: ReturnType<typeof followOn>,
): Span {
  const { partition, position, type } = event
  return startSpan(`process ${name}`, {
    kind: SpanKind.CONSUMER,
    ...place,
    attributes: {
      'messaging.system': 'nats',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': destinationOf(event),
      'messaging.destination.partition.id': partition,
      'messaging.consumer.group.name': name,
      'messaging.message.id': `${partition}/${position}`,
      'messaging.batch.message_count': batchSize,
      'mailx.event.type': type,
      'mailx.processor.kind': kind,
    },
  })
}

const destinationOf = ({ partition }: Pick<Recorded, 'partition'> = { partition: '' }): string =>
  `log.${partition.slice(0, partition.lastIndexOf('-'))}`
