import { crashAt } from '@mailx/config/crash-at'
import { peerLabel } from '@mailx/telemetry/capped-label'
import { counter, histogram, objective } from '@mailx/telemetry/metrics'
import { deliveryId, followOn, isSampled, traceparentOf } from '@mailx/telemetry/propagation'
import { failSpan, insideSpan, startSpan } from '@mailx/telemetry/tracer'
import { type Span, SpanKind } from '@opentelemetry/api'
import type { DeliveryCommand } from '../deciders/delivery.ts'
import type { DueDelivery, LaneName } from '../deciders/due-delivery.ts'
import { type Failure, readFailure } from '../deciders/failure.ts'
import type { LaneQueue } from '../deciders/lane-queue.ts'
import { type RetryPolicy, retryDelay } from '../deciders/retry-schedule.ts'
import { type Answered, type DeliverDeps, deliverToPeer } from '../peers/deliver-to-peer.ts'
import { factsOf, type RecordDeps, recordOutcome } from './record-outcome.ts'

export type AttemptDeps = DeliverDeps &
  RecordDeps & {
    readonly retry: RetryPolicy
    /** In [0, 1). */
    readonly randomFraction: () => number
  }

/** What one attempt showed about the peer. */
export type AttemptResult =
  | { readonly status: 'failed'; readonly failure: Failure }
  | {
      readonly status: 'answered'
      /** Deliveries that the peer decided on, and those it wants later. */
      readonly decided: number
      readonly later: number
      /** The longest time that the peer asked for. */
      readonly retryAfterMs: number
    }

/** No peer may keep a delivery waiting for longer than this by a word. */
const LONGEST_RETRY_AFTER_MS = 60 * 60 * 1000

const attempts = histogram({
  name: 'mailx_delivery_attempt_duration_seconds',
  help: 'Batches sent to peers, from taking them to recording what the peer said.',
  labelNames: ['service', 'outcome'],
})

const deliveries = counter({
  name: 'mailx_federation_deliveries_total',
  help: 'Deliveries that were tried, by peer and by what the peer or the way to it said.',
  labelNames: ['peer', 'outcome'],
})

const latency = objective({
  name: 'mailx_remote_delivery_seconds',
  help: "From acceptance here to the peer's receipt. Prompt: no attempt had failed before.",
  labelNames: ['prompt'],
  zeros: [{ prompt: 'yes' }, { prompt: 'no' }],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600],
})

/**
 * Delivers a batch and records what became of it. Deliveries with a final outcome leave the queue, those
 * for later wait in it. After a failure they all stay taken: the lane starts over. Never rejects.
 * `onAnswered`: the peer is done with the batch, and its outcomes are about to be recorded.
 */
export async function attemptBatch(
  deps: AttemptDeps,
  lane: LaneName,
  queue: LaneQueue,
  batch: readonly DueDelivery[],
  onAnswered: () => void,
): Promise<AttemptResult> {
  const startedAt = performance.now()
  const sampled = batch.filter(({ traceparent }) => isSampled(traceparent))
  const spans = new Map(sampled.map((due) => [due, spanOf(due, batch.length, deps.now())]))
  const result = await run(deps, lane, queue, batch, spans, onAnswered)
  for (const span of spans.values()) span.end()
  if (result.status === 'failed') {
    const outcome = result.failure.fault.code
    deliveries.inc({ peer: peerLabel(lane.peer), outcome }, batch.length)
  }
  const outcome = result.status === 'answered' ? 'answered' : result.failure.fault.code
  const labels = { service: 'outbound-federation', outcome }
  attempts.observe(labels, (performance.now() - startedAt) / 1000)
  return result
}

async function run(
  deps: AttemptDeps,
  lane: LaneName,
  queue: LaneQueue,
  batch: readonly DueDelivery[],
  spans: ReadonlyMap<DueDelivery, Span>,
  onAnswered: () => void,
): Promise<AttemptResult> {
  const traceparent = (due: DueDelivery) => traceparentOf(spans.get(due)) || due.traceparent
  // Finding and dialling the peer is seen in the first trace that waits for it.
  const first = [...spans.values()].find((span) => span.isRecording())
  const attempt = await insideSpan(first, () => deliverToPeer(deps, lane, batch, traceparent))
  if (attempt.status === 'failed') {
    const { code } = attempt.failure.fault
    for (const span of spans.values()) span.setAttribute('mailx.delivery.outcome', code)
    return attempt
  }
  try {
    const { answers } = attempt
    for (const { answer, delivery } of answers) if (isDecided(answer)) queue.answered(delivery)
    onAnswered()
    await Promise.all(answers.map((answered) => settle(deps, queue, answered, spans)))
    const later = answers.filter(({ answer }) => !isDecided(answer))
    const wanted = later.map(({ answer }) => (answer.type === 'later' ? answer.retryAfterMs : 0))
    return {
      status: 'answered',
      decided: answers.length - later.length,
      later: later.length,
      retryAfterMs: Math.min(Math.max(0, ...wanted), LONGEST_RETRY_AFTER_MS),
    }
  } catch (error) {
    for (const span of spans.values()) failSpan(span, error)
    return { status: 'failed', failure: readFailure(error, 'prepare') }
  }
}

const isDecided = ({ type }: Answered['answer']): boolean =>
  type === 'accepted' || type === 'refused'

async function settle(
  deps: AttemptDeps,
  queue: LaneQueue,
  answered: Answered,
  spans: ReadonlyMap<DueDelivery, Span>,
): Promise<void> {
  const { answer, delivery: due } = answered
  due.attempts += 1
  const span = spans.get(due)
  const record = () => recordOutcome(deps, due, commandFor(answered))
  span?.setAttribute('mailx.delivery.outcome', outcomeName(answer))
  deliveries.inc({ peer: peerLabel(due.peer), outcome: outcomeName(answer) })
  if (answer.type === 'accepted') {
    const prompt = due.attempts === 1 && due.state.status === 'due' && due.state.told.length === 0
    const seconds = Math.max(0, deps.now() - due.acceptedAt) / 1000
    latency.observe({ prompt: prompt ? 'yes' : 'no' }, seconds, traceparentOf(span))
  }
  await insideSpan(span, record)
  crashAt('outbound.after-record')
  if (due.state.status !== 'due') {
    queue.settle(due)
    return
  }
  if (answer.type === 'later' || answer.type === 'unknown') due.lastFault = answer.fault
  const asked = answer.type === 'later' ? Math.min(answer.retryAfterMs, LONGEST_RETRY_AFTER_MS) : 0
  const jitter = retryDelay(due.attempts, deps.retry, deps.randomFraction())
  queue.release(due, performance.now() + Math.max(asked, jitter))
}

const outcomeName = (answer: Answered['answer']): string =>
  answer.type === 'accepted' ? 'accepted' : answer.fault.code

function commandFor({ answer, delivery: due, receipt }: Answered): DeliveryCommand {
  const facts = factsOf(due)
  switch (answer.type) {
    case 'accepted': {
      const { acceptedAt, acceptedId } = answer
      return { type: 'RecordReceipt', facts, acceptedAt, acceptedId, receipt }
    }
    case 'refused':
      return { type: 'RecordRefusal', facts, fault: answer.fault }
    case 'later':
    case 'unknown':
      return { type: 'RecordFailure', facts, fault: answer.fault, attempts: due.attempts }
  }
}

const spanOf = (due: DueDelivery, batchSize: number, now: number): Span =>
  startSpan('deliver', {
    kind: SpanKind.PRODUCER,
    service: 'outbound-federation',
    ...followOn(due.traceparent, now - due.acceptedAt),
    attributes: {
      'messaging.system': 'mailx',
      'messaging.operation.type': 'send',
      'messaging.operation.name': 'deliver',
      'messaging.destination.name': due.peer,
      'messaging.batch.message_count': batchSize,
      'mailx.origin': due.origin,
      'mailx.attempt': due.attempts + 1,
      'mailx.delivery.id': deliveryId(due.envelopeHash),
    },
  })
