import type { TraceSpan } from '@mailx/otel-view-tool/trace-span'
import { expect, test } from 'vitest'
import { milestonesOf } from './milestones.ts'

const span = (name: string, startUs: number, more: Partial<TraceSpan> = {}): TraceSpan => ({
  traceId: 'a'.repeat(32),
  spanId: `${startUs}`,
  parentSpanId: '',
  name,
  kind: 'internal',
  service: 'directory',
  startUs,
  endUs: startUs + 10,
  attributes: {},
  links: [],
  ...more,
})
const event = {
  deployment: 'a.test',
  partition: 'submission-0',
  position: '3',
  type: 'MessageAccepted',
  recordedAt: 2,
  traceparent: '',
  note: 'for 2',
}

test('facts and work are told in order of time, other spans are not steps', () => {
  const spans = [
    span('push', 5_000, { service: 'gateway' }),
    span('append submission', 1_500),
    span('submit', 1_000, { service: 'gateway', error: 'UNAVAILABLE' }),
  ]
  expect(milestonesOf(spans, [event])).toEqual([
    { step: 'submitted', atUs: 1_000, tookUs: 10, by: 'gateway', note: 'UNAVAILABLE' },
    {
      step: 'accepted',
      atUs: 2_000,
      tookUs: undefined,
      by: 'log of a.test, submission-0/3',
      note: 'for 2',
    },
    { step: 'notified', atUs: 5_000, tookUs: 10, by: 'gateway', note: '' },
  ])
})

test('a peer that was known is told from one that was discovered', () => {
  const attributes = { 'mailx.discovery.source': 'dns', 'mailx.discovery.dnssec': 'secure' }
  const first = span('find peer', 1, { attributes })
  const spans = [first, span('discover peer', 2, { parentSpanId: '1' }), span('find peer', 3)]
  expect(milestonesOf(spans, []).map(({ note }) => note)).toEqual([
    'cached=false source=dns dnssec=secure',
    'cached=true',
  ])
})
