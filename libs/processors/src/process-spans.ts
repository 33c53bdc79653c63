import type { Recorded } from '@mailx/events/event'
import { failSpan, insideSpan, startSpan } from '@mailx/telemetry/tracer'
import { type Span, SpanKind } from '@opentelemetry/api'
import type { Processor } from './processor.ts'

const isSampled = ({ metadata }: Recorded): boolean => metadata.traceparent.endsWith('-01')

/**
 * Runs `work` with one `process` span for each event whose trace is recorded, in that trace. Events
 * of other traces cost nothing.
 */
export async function withProcessSpans<T>(
  { kind, of: { name } }: Processor,
  events: readonly Recorded[],
  work: () => Promise<T>,
): Promise<T> {
  const traced = events.filter(isSampled)
  if (traced.length === 0) return work()
  const spans = traced.map((event) => processSpan(kind, name, event, events.length))
  const [only] = spans
  try {
    // What one event causes belongs into its trace; what several cause together into none of them.
    return await (events.length === 1 && only !== undefined ? insideSpan(only, work) : work())
  } catch (error) {
    for (const span of spans) failSpan(span, error)
    throw error
  } finally {
    for (const span of spans) span.end()
  }
}

function processSpan(kind: string, name: string, event: Recorded, batchSize: number): Span {
  const { partition, position, type, metadata } = event
  return startSpan(`process ${name}`, {
    kind: SpanKind.CONSUMER,
    parent: metadata.traceparent,
    attributes: {
      'messaging.system': 'nats',
      'messaging.operation.type': 'process',
      'messaging.operation.name': 'process',
      'messaging.destination.name': `log.${partition.slice(0, partition.lastIndexOf('-'))}`,
      'messaging.destination.partition.id': partition,
      'messaging.consumer.group.name': name,
      'messaging.message.id': `${partition}/${position}`,
      'messaging.batch.message_count': batchSize,
      'mailx.event.type': type,
      'mailx.processor.kind': kind,
    },
  })
}
