import { setTimeout as delay } from 'node:timers/promises'
import { formatId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import type { EventLog } from '@mailx/event-log/event-log'
import { decodeEvent, encodeEvent } from '@mailx/events/codec'
import { type DeliveryEvent, deliveryEvents } from '@mailx/events/delivery'
import { counter } from '@mailx/telemetry/metrics'
import { type DeliveryCommand, type DeliveryFacts, delivery } from '../deciders/delivery.ts'
import type { DueDelivery } from '../deciders/due-delivery.ts'

const outcomes = counter({
  name: 'mailx_delivery_outcomes_total',
  help: 'Deliveries to other domains, by what was recorded of them.',
  labelNames: ['service', 'event'],
})

export type RecordDeps = {
  readonly log: EventLog
  /** Fires when the lane is given up: what is not recorded then is delivered and recorded again. */
  readonly signal: AbortSignal
}

/** The mail has arrived: only its sender's display of that waits. */
const PATIENCE_MS = 40
const FIRST_WAIT_MS = 200
const LONGEST_WAIT_MS = 5_000

export const factsOf = ({ messageId, peer, recipient, sender }: DueDelivery): DeliveryFacts => ({
  messageId,
  sender,
  recipient,
  peer,
})

export const deliveryStream = ({ messageId, peer, recipient, sender }: DeliveryFacts) =>
  ({
    context: 'delivery',
    key: peer,
    stream: `delivery/${formatId(messageId)}/${sender}/${recipient}`,
  }) as const

/**
 * Decides and appends, at the version that is known of the delivery, and keeps `due` up to date. What
 * a peer said must not get lost: while the log is away it is tried again, until the lane is given up.
 */
export async function recordOutcome(
  { log, signal }: RecordDeps,
  due: DueDelivery,
  command: DeliveryCommand,
): Promise<void> {
  for (let failures = 0; ; ) {
    const events = delivery.decide(command, due.state)
    if (events.length === 0) return
    try {
      const { version } = await log.append({
        ...deliveryStream(due),
        expectedVersion: due.version,
        events: events.map((event) => encodeEvent(deliveryEvents, event)),
        patienceMs: PATIENCE_MS,
      })
      due.version = version
      due.state = events.reduce(delivery.evolve, due.state)
      for (const { type } of events) outcomes.inc({ service: 'outbound-federation', event: type })
      return
    } catch (error) {
      if (isConflict(error)) await reload(log, due)
      else {
        if (signal.aborted || !passes(error)) throw error
        failures += 1
        const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(failures, 10))
        await delay(longest * (0.5 + Math.random() / 2), undefined, { signal })
      }
    }
  }
}

/** Another owner of the lane recorded something: the stream says what. */
async function reload(log: EventLog, due: DueDelivery): Promise<void> {
  const stored = await log.readStream(deliveryStream(due))
  let state = delivery.initialState
  for (const item of stored) {
    const event = decodeEvent(deliveryEvents, item) as DeliveryEvent | undefined
    if (event !== undefined) state = delivery.evolve(state, event)
  }
  due.state = state
  due.version = stored.length
}

const isConflict = (error: unknown): boolean =>
  error instanceof MailxError && error.code === 'CONFLICT'

const passes = (error: unknown): boolean =>
  error instanceof MailxError &&
  ['UNAVAILABLE', 'RESOURCE_EXHAUSTED', 'STORAGE_FULL', 'DEADLINE_EXCEEDED'].includes(error.code)
