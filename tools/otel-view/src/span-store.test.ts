import { expect, test } from 'vitest'
import { spanStore } from './span-store.ts'
import type { TraceSpan } from './trace-span.ts'

const span = (traceId: string, spanId: string, links: TraceSpan['links'] = []): TraceSpan => ({
  traceId,
  spanId,
  parentSpanId: '',
  name: spanId,
  kind: 'internal',
  service: 's',
  startUs: Number(spanId),
  endUs: Number(spanId),
  attributes: {},
  links,
})
const names = (spans: readonly TraceSpan[]) => spans.map(({ name }) => name)

test('a trace is handed out in order of start, whatever the order of arrival', () => {
  const store = spanStore()
  store.add([span('a', '2'), span('b', '9')])
  store.add([span('a', '1')])
  expect(names(store.spansOfTrace('a'))).toEqual(['1', '2'])
  expect(store.spansOfTrace('unknown')).toEqual([])
})

test('a span that arrives twice is one span', () => {
  const store = spanStore()
  store.add([span('a', '1'), span('a', '1')])
  expect(store.spansOfTrace('a')).toHaveLength(1)
})

test('linked traces follow, whichever of the two holds the link', () => {
  const store = spanStore()
  store.add([span('b', '2', [{ traceId: 'a', spanId: '1' }]), span('c', '3')])
  store.add([span('a', '1')])
  expect(names(store.spansOfTrace('a'))).toEqual(['1', '2'])
  expect(names(store.spansOfTrace('b'))).toEqual(['2', '1'])
})

test('the oldest traces go when there are too many spans', () => {
  const store = spanStore(2)
  store.add([span('a', '1'), span('b', '2')])
  store.add([span('c', '3')])
  expect(store.traceIds()).toEqual(['b', 'c'])
  expect(store.spansOfTrace('a')).toEqual([])
})
