/** A span as it is kept here: what OTLP said, with plain types. */
export type TraceSpan = {
  readonly traceId: string
  readonly spanId: string
  /** Empty for the root of a trace. */
  readonly parentSpanId: string
  readonly name: string
  readonly kind: SpanKind
  /** The MailX service that made it, or the process when that is all it tells. */
  readonly service: string
  /** Microseconds since 1970. */
  readonly startUs: number
  readonly endUs: number
  readonly attributes: Readonly<Record<string, AttributeValue>>
  readonly links: readonly SpanLink[]
  /** What went wrong; undefined when nothing did. */
  readonly error?: string
}

export type SpanKind = 'internal' | 'server' | 'client' | 'producer' | 'consumer'

export type SpanLink = { readonly traceId: string; readonly spanId: string }

export type AttributeValue = string | number | boolean | readonly AttributeValue[]
