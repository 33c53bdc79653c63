import type { TraceSpan } from '@mailx/otel-view-tool/trace-span'
import type { HistoryEvent } from './message-history.ts'

/** A step of a message's way. */
export type Milestone = {
  readonly step: string
  /** Microseconds since 1970. */
  readonly atUs: number
  /** Undefined for what only has a moment. */
  readonly tookUs: number | undefined
  /** The service, or the log and the place in it. */
  readonly by: string
  readonly note: string
}

const stepsOfEvents: Readonly<Record<string, string>> = {
  MessageAccepted: 'accepted',
  MessageReceived: 'received',
  DeliverySucceeded: 'delivered',
  DeliveryDeferred: 'deferred',
  DeliveryDelayed: 'delayed',
  DeliveryBounced: 'bounced',
  FlagsChanged: 'flagged',
  MessagesDeleted: 'deleted',
}

const stepsOfSpans: Readonly<Record<string, string>> = {
  submit: 'submitted',
  'publish log.submission': 'published',
  'find peer': 'discovered',
  'connect peer': 'connected',
  'process storage.submitted': 'stored',
  'process storage.received': 'stored',
  push: 'notified',
  fetch: 'fetched',
}

/** What happened to the message, in order of time: committed facts from the logs, work from spans. */
export function milestonesOf(
  spans: readonly TraceSpan[],
  events: readonly HistoryEvent[],
): Milestone[] {
  const discoveries = new Set(
    spans.filter(({ name }) => name === 'discover peer').map(({ parentSpanId }) => parentSpanId),
  )
  const steps = [
    ...events.flatMap(ofEvent),
    ...spans.flatMap((span) => ofSpan(span, discoveries.has(span.spanId))),
  ]
  return steps.toSorted((a, b) => a.atUs - b.atUs)
}

function ofEvent(event: HistoryEvent): Milestone[] {
  const step = stepsOfEvents[event.type]
  if (step === undefined) return []
  const by = `log of ${event.deployment}, ${event.partition}/${event.position}`
  return [{ step, atUs: event.recordedAt * 1000, tookUs: undefined, by, note: event.note }]
}

function ofSpan(span: TraceSpan, discovered: boolean): Milestone[] {
  const { attributes, endUs, error, name, service, startUs } = span
  const step = stepsOfSpans[name]
  if (step === undefined) return []
  const facts = {
    ...(name === 'find peer' && { cached: !discovered }),
    source: attributes['mailx.discovery.source'],
    dnssec: attributes['mailx.discovery.dnssec'],
  }
  const known = Object.entries(facts).filter(([, value]) => value !== undefined)
  const note = [...known.map(([fact, value]) => `${fact}=${String(value)}`), error ?? '']
  return [
    { step, atUs: startUs, tookUs: endUs - startUs, by: service, note: note.join(' ').trim() },
  ]
}
