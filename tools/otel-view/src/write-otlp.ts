import type { AttributeValue, TraceSpan } from './trace-span.ts'

const kinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 } as const

/** Spans as OTLP's JSON has them, to microseconds: what `readOtlp` reads. */
export const otlpOf = (spans: readonly TraceSpan[]) => ({
  resourceSpans: [...Map.groupBy(spans, ({ service }) => service)].map(([service, ofService]) => ({
    resource: { attributes: [{ key: 'service.name', value: { stringValue: service } }] },
    scopeSpans: [{ spans: ofService.map(spanOf) }],
  })),
})

const spanOf = ({ attributes, endUs, error, kind, links, startUs, ...rest }: TraceSpan) => ({
  traceId: rest.traceId,
  spanId: rest.spanId,
  parentSpanId: rest.parentSpanId,
  name: rest.name,
  kind: kinds[kind],
  startTimeUnixNano: nanoseconds(startUs),
  endTimeUnixNano: nanoseconds(endUs),
  attributes: Object.entries(attributes).map(([key, value]) => ({ key, value: anyOf(value) })),
  links,
  status: error === undefined ? {} : { code: 2, message: error },
})

function anyOf(value: AttributeValue): unknown {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  if (typeof value !== 'number') return { arrayValue: { values: value.map(anyOf) } }
  return Number.isSafeInteger(value) ? { intValue: `${value}` } : { doubleValue: value }
}

const nanoseconds = (microseconds: number): string => `${BigInt(microseconds) * 1000n}`
