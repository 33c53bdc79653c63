import { expect, test } from 'vitest'
import { renderTrace } from './render-trace.ts'
import type { TraceSpan } from './trace-span.ts'

const TRACE = '0af7651916cd43dd8448eb211c80319c'
const OTHER = 'ffffffffffffffffffffffffffffffff'

function span(spanId: string, more: Partial<TraceSpan> = {}): TraceSpan {
  return {
    traceId: TRACE,
    spanId,
    parentSpanId: '',
    name: spanId,
    kind: 'internal',
    service: 'gateway',
    startUs: 1_000_000,
    endUs: 1_010_000,
    attributes: {},
    links: [],
    ...more,
  }
}

const plain = (spans: readonly TraceSpan[], width = 90): string[] =>
  renderTrace(spans, { colour: false, width }).split('\n')

const journey = [
  span('a', { name: 'send', service: 'mailx', startUs: 1_000_000, endUs: 1_048_000 }),
  span('b', {
    name: 'mailx.client.v1.ClientService/Submit',
    parentSpanId: 'a',
    startUs: 1_004_000,
    endUs: 1_018_000,
  }),
  span('c', { name: 'append submission', parentSpanId: 'b', startUs: 1_006_000, endUs: 1_014_000 }),
  span('d', {
    name: 'process storage.mailboxes',
    service: 'storage',
    parentSpanId: 'b',
    startUs: 1_020_000,
    endUs: 1_026_000,
  }),
]

test('a trace is a tree with services, offsets, bars and durations', () => {
  expect(plain(journey, 110)).toEqual([
    `trace ${TRACE}  4 spans, 3 services, 48.0 ms`,
    'mailx    send                                     +0.0 ms ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━    48.0 ms',
    'gateway  └─mailx.client.v1.ClientService/Submit   +4.0 ms    ━━━━━━━━━━━━                             14.0 ms',
    'gateway    ├─append submission                    +6.0 ms      ━━━━━━━                                 8.0 ms',
    'storage    └─process storage.mailboxes           +20.0 ms                 ━━━━━                        6.0 ms',
  ])
})

test('the order in which spans arrive does not matter', () => {
  expect(plain(journey.toReversed())).toEqual(plain(journey))
})

test('a span whose parent has not arrived stands at the top and says so', () => {
  const lines = plain([span('a'), span('b', { parentSpanId: 'gone', startUs: 1_005_000 })])
  expect(lines[1]).toContain('a ')
  expect(lines[2]).toContain('b (its parent has not arrived)')
})

test('spans that call each other their parents are shown once and end', () => {
  const circle = [span('a', { parentSpanId: 'b' }), span('b', { parentSpanId: 'a' })]
  expect(plain(circle)).toHaveLength(3)
  expect(plain([span('a', { parentSpanId: 'a' })])).toHaveLength(2)
})

test('an error is shown with its code', () => {
  expect(plain([span('a', { error: 'NOT_FOUND' })])[1]).toContain('a ✗ NOT_FOUND')
})

test('linked traces follow on the same time axis; a link names the span it leads to', () => {
  const spans = [
    span('a', { startUs: 1_000_000, endUs: 1_010_000 }),
    span('b', {
      traceId: OTHER,
      name: 'receive',
      startUs: 1_090_000,
      endUs: 1_100_000,
      links: [
        { traceId: TRACE, spanId: 'a' },
        { traceId: '1234567890abcdef1234567890abcdef', spanId: 'x' },
      ],
    }),
  ]
  const lines = plain(spans)
  expect(lines[0]).toBe(`trace ${TRACE}  1 span, 1 service, 10.0 ms`)
  expect(lines[3]).toBe(`linked trace ${OTHER}  1 span, 1 service, 10.0 ms`)
  expect(lines[4]).toMatch(/receive .* \+90\.0 ms +━+ +10\.0 ms$/)
  expect(lines[5]).toContain('↪ a')
  expect(lines[6]).toContain('↪ trace 12345678…')
})

test('no line is wider than the terminal, however long the names and deep the tree', () => {
  const deep = Array.from({ length: 60 }, (_, i) =>
    span(`${i}`, {
      parentSpanId: i === 0 ? '' : `${i - 1}`,
      name: 'name '.repeat(20),
      service: 's'.repeat(40),
    }),
  )
  for (const width of [80, 100, 200]) {
    for (const line of plain(deep, width)) expect(line.length).toBeLessThanOrEqual(width)
  }
  expect(plain(deep, 10)).toHaveLength(61)
})

test('a bar is never empty and never leaves its column', () => {
  const spans = [
    span('long', { startUs: 0, endUs: 10_000_000 }),
    span('short', { parentSpanId: 'long', startUs: 10_000_000, endUs: 10_000_000 }),
  ]
  expect(plain(spans)[2]).toMatch(/━ +0\.0 ms$/)
})

test('names from the network cannot control the terminal', () => {
  const hostile = span('a', {
    name: 'x\u001b[2J\r\ny\u202e',
    service: 'g\u0007',
    error: 'E\u001b[31m',
  })
  const text = renderTrace([hostile], { colour: false, width: 100 })
  expect(text.replaceAll('\n', '')).not.toMatch(/\p{C}/u)
  expect(text.split('\n')).toHaveLength(2)
})

test('with colours each service keeps its own and errors are red', () => {
  const text = renderTrace([...journey, span('e', { parentSpanId: 'a', error: 'X' })], {
    colour: true,
    width: 100,
  })
  const lineOf = (name: string) => text.split('\n').find((line) => line.includes(name)) ?? ''
  const colourOf = (name: string) => lineOf(name).slice(0, lineOf(name).indexOf('m') + 1)
  expect(colourOf('Submit')).toBe(colourOf('append'))
  expect(colourOf('Submit')).not.toBe(colourOf('process'))
  expect(colourOf('✗ X')).toBe('\u001b[31m')
})

test('nothing at all is said, too', () => {
  expect(plain([])).toEqual(['no spans'])
})
