import type { Attributes, Link, SpanKind, SpanStatus } from '@opentelemetry/api'

/** A finished span, as far as tests look at it. */
export type RecordedSpan = {
  readonly name: string
  readonly kind: SpanKind
  readonly status: SpanStatus
  readonly attributes: Attributes
  readonly links: readonly Link[]
  readonly parentSpanContext?: { readonly spanId: string }
  spanContext(): { readonly traceId: string; readonly spanId: string }
}

/** For tests: turns tracing on in this process and collects every span that ends. */
export async function recordSpans(): Promise<RecordedSpan[]> {
  const { startNodeSdk } = await import('@opentelemetry/sdk-node')
  const spans: RecordedSpan[] = []
  startNodeSdk({
    spanProcessors: [
      {
        onStart: () => {},
        onEnd: (span) => spans.push(span),
        forceFlush: async () => {},
        shutdown: async () => {},
      },
    ],
    metricReaders: [],
    logRecordProcessors: [],
    logLevel: 'none',
  })
  return spans
}
