import type { Recorded } from '@mailx/events/event'
import { followOn, isSampled } from '@mailx/telemetry/propagation'
import { failSpan, insideSpan, startSpan } from '@mailx/telemetry/tracer'
import { type Span, SpanKind } from '@opentelemetry/api'
import type { Processor } from './processor.ts'

/** As many links as the SDK keeps of a span. */
const MAX_LINKS = 128

/**
 * Runs a reactor's `work` in spans of the events whose traces are recorded; events of other traces cost
 * nothing.
 *
 * - One event: in its `process` span, which is in the event's trace, or linked to it when it is late.
 * - Several: in one `receive` span, a trace of its own that is linked to theirs. Each that is prompt has
 *   a `process` span in its own trace too; of late ones, which a rebuild brings by the thousand, and
 *   for a reactor that sums up, the link is all.
 */
export async function withProcessSpans<T>(
  processor: Processor,
  events: readonly Recorded[],
  work: () => Promise<T>,
  now: number = Date.now(),
): Promise<T> {
  const spans = startSpans(processor, events, now)
  const [around] = spans
  if (around === undefined) return work()
  try {
    // What one event causes belongs into its trace; what several cause together into that of the batch.
    return await insideSpan(around, work)
  } catch (error) {
    for (const span of spans) failSpan(span, error)
    throw error
  } finally {
    for (const span of spans) span.end()
  }
}

/**
 * The same for a projection, which causes nothing that would belong into its spans: they are made when
 * it is done, and not at all where the events changed nothing.
 */
export async function withApplySpans<T>(
  processor: Processor,
  events: readonly Recorded[],
  work: () => Promise<T>,
  hasChanged: (result: T) => boolean,
): Promise<T> {
  const startTime = Date.now()
  try {
    const result = await work()
    if (hasChanged(result)) {
      for (const span of startSpans(processor, events, startTime, startTime)) span.end()
    }
    return result
  } catch (error) {
    for (const span of startSpans(processor, events, startTime, startTime)) {
      failSpan(span, error)
      span.end()
    }
    throw error
  }
}

/** The span of the batch first, where there is one. */
function startSpans(
  processor: Processor,
  events: readonly Recorded[],
  now: number,
  startTime?: number,
): Span[] {
  const traced = events.filter(({ metadata }) => isSampled(metadata.traceparent))
  if (traced.length === 0) return []
  const sumsUp = processor.kind === 'reactor' && processor.of.sumsUp === true
  const isBatch = events.length > 1 || sumsUp
  const ofBatch = isBatch ? [receiveSpan(processor, traced, events.length, startTime)] : []
  const ofEvents = traced.flatMap((event) => {
    const place = followOn(event.metadata.traceparent, now - event.recordedAt)
    return isBatch && (sumsUp || place.parent === '')
      ? []
      : [processSpan(processor, event, { ...place, startTime })]
  })
  return [...ofBatch, ...ofEvents]
}

function receiveSpan(
  { kind, of: { name } }: Processor,
  traced: readonly Recorded[],
  batchSize: number,
  startTime: number | undefined,
): Span {
  return startSpan(`receive ${name}`, {
    kind: SpanKind.CLIENT,
    parent: '',
    startTime,
    links: traced.slice(0, MAX_LINKS).map(({ metadata }) => metadata.traceparent),
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
  { of: { name } }: Processor,
  event: Recorded,
  place: ReturnType<typeof followOn> & { readonly startTime: number | undefined },
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
      'messaging.consumer.group.name': name,
      'messaging.message.id': `${partition}/${position}`,
      'mailx.event.type': type,
    },
  })
}

const destinationOf = ({ partition }: Pick<Recorded, 'partition'> = { partition: '' }): string =>
  `log.${partition.slice(0, partition.lastIndexOf('-'))}`
