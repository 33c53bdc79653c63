import { expect, test } from 'vitest'
import { readOtlp } from './read-otlp.ts'

const TRACE = '0AF7651916CD43DD8448EB211C80319C'
const span = {
  traceId: TRACE,
  spanId: 'b7ad6b7169203331',
  parentSpanId: '00f067aa0ba902b7',
  name: 'Submit',
  kind: 2,
  startTimeUnixNano: '1763800000123456789',
  endTimeUnixNano: '1763800000223456789',
  attributes: [
    { key: 'mailx.service', value: { stringValue: 'gateway' } },
    { key: 'count', value: { intValue: '3' } },
    { key: 'ok', value: { boolValue: true } },
    { key: 'list', value: { arrayValue: { values: [{ doubleValue: 0.5 }] } } },
  ],
  links: [
    { traceId: TRACE, spanId: '1111111111111111' },
    { traceId: 'x', spanId: 'y' },
  ],
  status: { code: 2, message: 'UNAVAILABLE' },
}
const exported = (spans: unknown, resource: unknown = {}) =>
  JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] })

test('a span is read with its service, times, links, attributes and error', () => {
  expect(readOtlp(exported([span]))).toEqual([
    {
      traceId: TRACE.toLowerCase(),
      spanId: 'b7ad6b7169203331',
      parentSpanId: '00f067aa0ba902b7',
      name: 'Submit',
      kind: 'server',
      service: 'gateway',
      startUs: 1763800000123456,
      endUs: 1763800000223456,
      attributes: { 'mailx.service': 'gateway', count: 3, ok: true, list: [0.5] },
      links: [{ traceId: TRACE.toLowerCase(), spanId: '1111111111111111' }],
      error: 'UNAVAILABLE',
    },
  ])
})

test('without a service of its own a span belongs to the process', () => {
  const resource = { attributes: [{ key: 'service.name', value: { stringValue: 'identity' } }] }
  const bare = { ...span, attributes: [] }
  expect(readOtlp(exported([bare], resource))[0]?.service).toBe('identity')
  expect(readOtlp(exported([bare]))[0]?.service).toBe('unknown')
})

test.each([
  ['an empty object', '{}'],
  ['null', 'null'],
  [
    'wrong types everywhere',
    '{"resourceSpans":[1,{"scopeSpans":"x"},{"scopeSpans":[{"spans":{}}]}]}',
  ],
  ['a span without ids', exported([{ name: 'x' }, null, 5])],
  ['zero ids', exported([{ ...span, traceId: '0'.repeat(32) }])],
])('%s gives no spans', (_, text) => {
  expect(readOtlp(text)).toEqual([])
})

test('odd values give a span that can be drawn', () => {
  const odd = {
    traceId: TRACE,
    spanId: span.spanId,
    name: { a: 1 },
    kind: 'x',
    startTimeUnixNano: 'soon',
    endTimeUnixNano: -1,
    attributes: [null, {}, { key: '__proto__', value: { stringValue: 'x' } }],
    status: 'bad',
  }
  expect(readOtlp(exported([odd]))).toMatchObject([
    { name: '', kind: 'internal', startUs: 0, endUs: 0 },
  ])
  expect(({} as Record<string, unknown>)['x']).toBeUndefined()
})

test('what is not JSON is refused', () => {
  expect(() => readOtlp('\u000a\u0012binary')).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
  )
})
