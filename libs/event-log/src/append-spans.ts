import { isRecording, isSampled, traceparentOf } from '@mailx/telemetry/propagation'
import { failSpan, startSpan } from '@mailx/telemetry/tracer'
import { type Span, SpanKind } from '@opentelemetry/api'
import type { PendingAppend } from './pending-append.ts'

const database = {
  'db.system.name': 'postgresql',
  'db.operation.name': 'append',
  'db.collection.name': 'log.events',
}

export type AppendSpan = {
  /** For the events' metadata: their processing continues the trace from here. Empty where nothing is kept. */
  readonly traceparent: string
  readonly span: Span | undefined
}

/** The time from asking to knowing, in the caller's trace; no span where nothing is recorded. */
export function startAppendSpan(context: string, partition: string): AppendSpan {
  if (!isRecording()) return { traceparent: '', span: undefined }
  const span = startSpan(`append ${context}`, {
    kind: SpanKind.CLIENT,
    attributes: { ...database, 'mailx.log.partition': partition },
  })
  return { traceparent: traceparentOf(span), span }
}

/** One span for the transaction that carries many appends, linked to those that are recorded. */
export async function withCommitSpan(
  partition: string,
  requests: readonly PendingAppend[],
  work: () => Promise<void>,
): Promise<void> {
  const recorded = requests.map(({ traceparent }) => traceparent).filter(isSampled)
  if (recorded.length === 0) return work()
  const span = startSpan(`commit ${partition}`, {
    kind: SpanKind.CLIENT,
    root: true,
    links: recorded,
    attributes: {
      ...database,
      'mailx.log.partition': partition,
      'db.operation.batch.size': requests.length,
    },
  })
  try {
    await work()
  } catch (error) {
    failSpan(span, error)
    throw error
  } finally {
    span.end()
  }
}
