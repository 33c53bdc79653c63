import { MailxError } from '@mailx/errors/mailx-error'
import type { AttributeValue, SpanKind, SpanLink, TraceSpan } from './trace-span.ts'

const kinds: readonly SpanKind[] = [
  'internal',
  'internal',
  'server',
  'client',
  'producer',
  'consumer',
]
const ERROR_STATUS = 2

/**
 * The spans of an OTLP/HTTP JSON export (ExportTraceServiceRequest). What does not look like a span is
 * left out; throws INVALID_ARGUMENT when the text is not JSON at all.
 */
export function readOtlp(text: string): TraceSpan[] {
  const spans: TraceSpan[] = []
  for (const resourceSpans of listAt(parse(text), 'resourceSpans')) {
    const process = String(attributesOf(fieldOf(resourceSpans, 'resource'))['service.name'] ?? '')
    for (const scopeSpans of listAt(resourceSpans, 'scopeSpans')) {
      for (const raw of listAt(scopeSpans, 'spans')) {
        const span = readSpan(raw, process || 'unknown')
        if (span !== undefined) spans.push(span)
      }
    }
  }
  return spans
}

function readSpan(raw: unknown, process: string): TraceSpan | undefined {
  const traceId = idAt(raw, 'traceId', 32)
  const spanId = idAt(raw, 'spanId', 16)
  if (traceId === '' || spanId === '') return undefined
  const attributes = attributesOf(raw)
  const startUs = microseconds(fieldOf(raw, 'startTimeUnixNano'))
  const status = fieldOf(raw, 'status')
  return {
    traceId,
    spanId,
    parentSpanId: idAt(raw, 'parentSpanId', 16),
    name: textAt(raw, 'name'),
    kind: kinds[Number(fieldOf(raw, 'kind'))] ?? 'internal',
    service: String(attributes['mailx.service'] ?? process),
    startUs,
    endUs: Math.max(startUs, microseconds(fieldOf(raw, 'endTimeUnixNano'))),
    attributes,
    links: listAt(raw, 'links').flatMap(readLink),
    ...(fieldOf(status, 'code') === ERROR_STATUS
      ? { error: textAt(status, 'message') || 'error' }
      : {}),
  }
}

function readLink(raw: unknown): SpanLink[] {
  const traceId = idAt(raw, 'traceId', 32)
  const spanId = idAt(raw, 'spanId', 16)
  return traceId === '' || spanId === '' ? [] : [{ traceId, spanId }]
}

function attributesOf(raw: unknown): Record<string, AttributeValue> {
  return Object.fromEntries(
    listAt(raw, 'attributes').map((attribute) => [
      String(fieldOf(attribute, 'key')),
      valueOf(fieldOf(attribute, 'value'), 0),
    ]),
  )
}

/** An AnyValue: an object with one member that tells the type. */
function valueOf(any: unknown, depth: number): AttributeValue {
  const number = fieldOf(any, 'intValue') ?? fieldOf(any, 'doubleValue')
  if (number !== undefined) return Number(number)
  const plain = fieldOf(any, 'stringValue') ?? fieldOf(any, 'boolValue')
  if (typeof plain === 'string' || typeof plain === 'boolean') return plain
  const items = depth > 3 ? [] : listAt(fieldOf(any, 'arrayValue'), 'values')
  return items.map((item) => valueOf(item, depth + 1))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new MailxError('INVALID_ARGUMENT', 'the body is not JSON', { cause: error })
  }
}

function fieldOf(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

function listAt(value: unknown, name: string): readonly unknown[] {
  const list = fieldOf(value, name)
  return Array.isArray(list) ? list : []
}

function textAt(value: unknown, name: string): string {
  const text = fieldOf(value, name)
  return typeof text === 'string' ? text : ''
}

function idAt(value: unknown, name: string, length: number): string {
  const id = fieldOf(value, name)
  const valid = typeof id === 'string' && id.length === length && /^[0-9a-f]+$/i.test(id)
  return valid && !/^0+$/.test(id) ? id.toLowerCase() : ''
}

/** Nanoseconds come as decimal text, since they do not fit a number. */
function microseconds(nanoseconds: unknown): number {
  const text = typeof nanoseconds === 'number' ? nanoseconds.toFixed(0) : nanoseconds
  return typeof text === 'string' && /^\d{1,19}$/.test(text) ? Number(BigInt(text) / 1000n) : 0
}
