import { formatId, parseId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import { fetchTraces } from '@mailx/otel-view-tool/fetch-trace'
import { renderTrace } from '@mailx/otel-view-tool/render-trace'
import type { TraceSpan } from '@mailx/otel-view-tool/trace-span'
import pc from 'picocolors'
import { type HistoryEvent, messageHistory } from '../message-history.ts'
import { type Milestone, milestonesOf } from '../milestones.ts'
import { withDatabase } from '../open-database.ts'
import type { Output } from '../run.ts'

export type TraceOptions = {
  /** Where traces are kept. Left out: TRACES_URL. */
  readonly traces?: string
  /** Databases of further deployments. Left out: ALSO_DATABASE_URLS, separated by commas. */
  readonly also?: readonly string[]
}

/**
 * `mailxctl trace`: what became of a message, from the logs of all deployments that can be reached and
 * from the traces that their events name, as a list of steps and one waterfall.
 */
export async function traceCommand(
  output: Output,
  messageId: string,
  options: TraceOptions,
): Promise<void> {
  const id = parseId(messageId)
  const message = formatId(id)
  const also = options.also ?? process.env['ALSO_DATABASE_URLS']?.split(',').filter(Boolean) ?? []
  const historyIn = (url?: string) =>
    withDatabase((database) => messageHistory(database, id, message), url)
  const missing: string[] = []
  const events: HistoryEvent[] = await historyIn()
  for (const url of also) events.push(...(await orNothing(historyIn(url), missing)))
  if (events.length === 0) {
    throw new MailxError('NOT_FOUND', `no log that was asked has a message ${message}`)
  }
  const traces = options.traces ?? process.env['TRACES_URL']
  if (!traces) missing.push('without spans: say where traces are kept by --traces or TRACES_URL')
  const traceIds = new Set(events.flatMap(tracesOf))
  const spans = traces ? await orNothing(fetchTraces(traces, traceIds), missing) : []

  output.record(
    { message, events: events.length, spans: spans.length, missing },
    `message ${message}\n`,
  )
  const steps = milestonesOf(spans, events)
  const start = steps.find(({ step }) => step === 'submitted') ?? steps[0]
  for (const step of steps) output.record(step, lineOf(step, start?.atUs ?? 0))
  const rows = [...spans, ...events.map((event) => asSpan(event, spans))]
  const waterfall = byTrace(rows, events.flatMap(tracesOf)[0])
  const width = process.stdout.columns ?? 140
  const text = renderTrace(waterfall, { colour: pc.isColorSupported, width })
  output.record({ waterfall }, ['', text, ...missing.map((what) => `! ${what}`)].join('\n'))
}

/** What cannot be reached is told, and what is known is shown all the same. */
async function orNothing<Item>(reading: Promise<Item[]>, missing: string[]): Promise<Item[]> {
  try {
    return await reading
  } catch (error) {
    if (!(error instanceof MailxError)) throw error
    missing.push(error.message)
    return []
  }
}

const tracesOf = ({ traceparent }: HistoryEvent): string[] => {
  const [, traceId] = traceparent.split('-')
  return traceId === undefined ? [] : [traceId]
}

/** A moment in the waterfall, below the span that appended the event where that one is known. */
function asSpan(event: HistoryEvent, spans: readonly TraceSpan[]): TraceSpan {
  const [, traceId = NOT_TRACED, parent = ''] = event.traceparent.split('-')
  const atUs = event.recordedAt * 1000
  return {
    traceId,
    spanId: `${event.deployment} ${event.partition}/${event.position}`,
    parentSpanId: spans.some(({ spanId }) => spanId === parent) ? parent : '',
    name: `◆ ${[event.type, event.note].filter(Boolean).join(' ')}`,
    kind: 'internal',
    service: `log ${event.deployment}`,
    startUs: atUs,
    endUs: atUs,
    attributes: {},
    links: [],
  }
}

const NOT_TRACED = '0'.repeat(32)

/** The trace of the first event, and then the others in the order in which they began. */
function byTrace(spans: readonly TraceSpan[], first: string | undefined): TraceSpan[] {
  const traces = [...Map.groupBy(spans, ({ traceId }) => traceId).entries()]
  const rank = ([traceId, trace]: (typeof traces)[number]) =>
    traceId === first ? 0 : Math.min(...trace.map(({ startUs }) => startUs))
  return traces.toSorted((a, b) => rank(a) - rank(b)).flatMap(([, trace]) => trace)
}

function lineOf({ atUs, by, note, step, tookUs }: Milestone, startUs: number): string {
  const at = `${atUs < startUs ? '' : '+'}${milliseconds(atUs - startUs)}`.padStart(13)
  const took = (tookUs === undefined ? '' : milliseconds(tookUs)).padStart(12)
  return `  ${step.padEnd(11)}${at}${took}  ${[by, note].filter(Boolean).join(': ')}`
}

const milliseconds = (us: number): string => `${(us / 1000).toFixed(1)} ms`
