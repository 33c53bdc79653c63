import { expect, test } from 'vitest'
import { readOtlp } from './read-otlp.ts'
import type { TraceSpan } from './trace-span.ts'
import { otlpOf } from './write-otlp.ts'

const span: TraceSpan = {
  traceId: '0af7651916cd43dd8448eb211c80319c',
  spanId: 'b7ad6b7169203331',
  parentSpanId: '',
  name: 'submit',
  kind: 'producer',
  service: 'gateway',
  startUs: 1763800000123456,
  endUs: 1763800000223456,
  attributes: { text: 'x', count: 3, share: 0.5, ok: false, list: ['a', 2] },
  links: [{ traceId: '1'.repeat(32), spanId: '2'.repeat(16) }],
  error: 'UNAVAILABLE',
}
const { error: _, ...fine } = span
const other: TraceSpan = { ...fine, service: 'storage', parentSpanId: span.spanId, kind: 'server' }

test('what was written as OTLP is read back the same', () => {
  expect(readOtlp(JSON.stringify(otlpOf([span, other])))).toEqual([span, other])
})

const base64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64')

test('answers of Jaeger and Tempo are read too, with ids in base64 and names for numbers', () => {
  const { resourceSpans } = otlpOf([span])
  const answers = [{ result: { resourceSpans } }, { trace: { resourceSpans } }]
  for (const answer of answers) expect(readOtlp(JSON.stringify(answer))).toEqual([span])
  const text = JSON.stringify({ batches: resourceSpans })
    .replaceAll(span.traceId, base64(span.traceId))
    .replaceAll(span.spanId, base64(span.spanId))
    .replace('"kind":4', '"kind":"SPAN_KIND_PRODUCER"')
    .replace('"code":2', '"code":"STATUS_CODE_ERROR"')
  expect(readOtlp(text)).toEqual([span])
})
