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
 * The spans of an OTLP/HTTP JSON export (ExportTraceServiceRequest), or of the answer of a trace store
 * that keeps to OTLP: Jaeger wraps it in `result`, Tempo in `trace` or as `batches`. What does not look
 * like a span is left out; throws INVALID_ARGUMENT when the text is not JSON at all.
 */
export function readOtlp(text: string): TraceSpan[] {
  const root = parse(text)
  const answer = fieldOf(root, 'result') ?? fieldOf(root, 'trace') ?? root
  const spans: TraceSpan[] = []
  for (const resourceSpans of [...listAt(answer, 'resourceSpans'), ...listAt(answer, 'batches')]) {
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
    kind: kindOf(fieldOf(raw, 'kind')),
    service: String(attributes['mailx.service'] ?? process),
    startUs,
    endUs: Math.max(startUs, microseconds(fieldOf(raw, 'endTimeUnixNano'))),
    attributes,
    links: listAt(raw, 'links').flatMap(readLink),
    ...([ERROR_STATUS, 'STATUS_CODE_ERROR'].includes(fieldOf(status, 'code') as string | number)
      ? { error: textAt(status, 'message') || 'error' }
      : {}),
  }
}

/** A number, or in stricter JSON its name: SPAN_KIND_SERVER. */
function kindOf(kind: unknown): SpanKind {
  const name = typeof kind === 'string' ? kind.replace('SPAN_KIND_', '').toLowerCase() : ''
  return kinds.find((known) => known === name) ?? kinds[Number(kind)] ?? 'internal'
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

/** Hexadecimal, as OTLP's JSON has it, or base64, as protobuf's does. */
function idAt(value: unknown, name: string, length: number): string {
  const id = fieldOf(value, name)
  if (typeof id !== 'string') return ''
  const hex = id.length === length ? id.toLowerCase() : Buffer.from(id, 'base64').toString('hex')
  return hex.length === length && /^[0-9a-f]+$/.test(hex) && !/^0+$/.test(hex) ? hex : ''
}

/** Nanoseconds come as decimal text, since they do not fit a number. */
function microseconds(nanoseconds: unknown): number {
  const text = typeof nanoseconds === 'number' ? nanoseconds.toFixed(0) : nanoseconds
  return typeof text === 'string' && /^\d{1,19}$/.test(text) ? Number(BigInt(text) / 1000n) : 0
}
