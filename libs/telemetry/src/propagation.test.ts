import { context, trace } from '@opentelemetry/api'
import { expect, test } from 'vitest'
import {
  contextFromTraceparent,
  currentTraceparent,
  linksTo,
  spanContextFromTraceparent,
  traceparentOf,
} from './propagation.ts'

const VALID = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'

test('a traceparent survives being read and written', () => {
  const remote = contextFromTraceparent(VALID)
  expect(traceparentOf(trace.getSpan(remote))).toBe(VALID)
  const unsampled = VALID.replace(/01$/, '00')
  expect(traceparentOf(trace.getSpan(contextFromTraceparent(unsampled)))).toBe(unsampled)
})

test('tracestate goes with it', () => {
  const spanContext = spanContextFromTraceparent(VALID, 'vendor=abc')
  expect(spanContext?.traceState?.serialize()).toBe('vendor=abc')
})

test('a later version with more fields is understood as far as it is known', () => {
  expect(spanContextFromTraceparent(`01${VALID.slice(2)}-what-ever`)?.spanId).toBe(
    'b7ad6b7169203331',
  )
})

test.each([
  ['nothing', ''],
  ['undefined', undefined],
  ['zero trace id', '00-00000000000000000000000000000000-b7ad6b7169203331-01'],
  ['zero span id', '00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01'],
  ['capitals', VALID.toUpperCase()],
  ['version ff', `ff${VALID.slice(2)}`],
  ['version 00 with more fields', `${VALID}-x`],
  ['a line break', `${VALID}\n`],
  ['too long', VALID.padEnd(4000, '-')],
  ['a header injection', `${VALID}\r\nx: y`],
])('%s is no traceparent, and no error either', (_, text) => {
  expect(spanContextFromTraceparent(text)).toBeUndefined()
  expect(trace.getSpan(contextFromTraceparent(text))).toBeUndefined()
})

test('links are made once per span and skip what is not a traceparent', () => {
  expect(linksTo([VALID, '', undefined, VALID, 'nonsense'])).toHaveLength(1)
})

test('outside any span there is no traceparent', () => {
  expect(currentTraceparent()).toBe('')
  expect(traceparentOf(trace.getSpan(context.active()))).toBe('')
})
