import { toHex } from '@mailx/crypto/encoding'
import { byteaArray, int8Array, textArray } from '@mailx/event-log/binary-array'
import { type DeliveryEvent, deliveryEvents } from '@mailx/events/delivery'
import type { Recorded } from '@mailx/events/event'
import { type Projection, writeOnlyProjection } from '@mailx/processors/projection'
import { DeliveryState, type MailboxChange } from '@mailx/proto/storage/v1/storage_service'
import { type AnnounceEvents, announcing } from './announce.ts'

type OutcomeState = 'deferred' | 'delivered' | 'bounced'

/** What one event says of one copy. */
type Outcome = {
  readonly messageId: Uint8Array
  readonly recipient: string
  readonly sender: string
  readonly state: OutcomeState
  readonly code: string
  readonly reason: string
  readonly delayed: boolean
  readonly changedAt: number
  readonly partition: string
  readonly position: bigint
}

// A notice of delay tells nothing about the last attempt's code, so that stays.
const upsert = `
  insert into storage.outcomes as o
    (message_id, recipient, sender, state, code, reason, delayed, changed_at, partition, position)
    select message_id, recipient, sender, state, code, reason, delayed, changed_at, partition, position
      from unnest($1::text[], $2::bytea[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                  $8::text[]::boolean[], $9::int8[], $10::int8[])
        as n(partition, message_id, recipient, sender, state, code, reason, delayed, changed_at, position)
      order by message_id, recipient, sender
    on conflict (message_id, recipient, sender) do update
      set state = excluded.state,
          code = case when excluded.code = '' and excluded.state = o.state
                      then o.code else excluded.code end,
          reason = excluded.reason,
          delayed = o.delayed or excluded.delayed,
          changed_at = excluded.changed_at,
          partition = excluded.partition,
          position = excluded.position
      where o.position < excluded.position`

/** How far the copies for other domains got, as their senders may know it. */
export const outcomesProjection = (announce: AnnounceEvents): Projection<typeof deliveryEvents> =>
  writeOnlyProjection({
    name: 'storage.outcomes',
    contexts: ['delivery'],
    events: deliveryEvents,
    tables: ['storage.outcomes'],
    statements(events) {
      const outcomes = lastPerCopy(events.map(outcomeOf))
      return [
        {
          name: 'storage.upsert-outcomes',
          text: upsert,
          values: [
            textArray(outcomes.map((outcome) => outcome.partition)),
            byteaArray(outcomes.map((outcome) => outcome.messageId)),
            textArray(outcomes.map((outcome) => outcome.recipient)),
            textArray(outcomes.map((outcome) => outcome.sender)),
            textArray(outcomes.map((outcome) => outcome.state)),
            textArray(outcomes.map((outcome) => outcome.code)),
            textArray(outcomes.map((outcome) => outcome.reason)),
            textArray(outcomes.map((outcome) => String(outcome.delayed))),
            int8Array(outcomes.map((outcome) => BigInt(outcome.changedAt))),
            int8Array(outcomes.map((outcome) => outcome.position)),
          ],
        },
      ]
    },
    ...announcing(announce, (event) => [changeOf(event)]),
  })

function outcomeOf(event: Recorded<DeliveryEvent>): Outcome {
  const { messageId, recipient, sender } = event.data
  const copy = {
    messageId,
    recipient,
    sender,
    changedAt: event.recordedAt,
    partition: event.partition,
    position: event.position,
  }
  switch (event.type) {
    case 'DeliverySucceeded':
      return { ...copy, state: 'delivered', code: '', reason: '', delayed: false }
    case 'DeliveryDeferred': {
      const { code, reason } = event.data
      return { ...copy, state: 'deferred', code, reason, delayed: false }
    }
    case 'DeliveryDelayed':
      return { ...copy, state: 'deferred', code: '', reason: event.data.reason, delayed: true }
    case 'DeliveryBounced': {
      const { code, reason } = event.data
      return { ...copy, state: 'bounced', code, reason, delayed: false }
    }
  }
}

/** A statement changes a row once: several events of one copy are folded into what they amount to. */
function lastPerCopy(outcomes: readonly Outcome[]): Outcome[] {
  const byCopy = new Map<string, Outcome>()
  for (const outcome of outcomes) {
    const key = `${toHex(outcome.messageId)} ${outcome.recipient} ${outcome.sender}`
    const before = byCopy.get(key)
    const keepsCode = outcome.code === '' && outcome.state === before?.state
    byCopy.set(key, {
      ...outcome,
      code: keepsCode ? before.code : outcome.code,
      delayed: outcome.delayed || (before?.delayed ?? false),
    })
  }
  return [...byCopy.values()]
}

const stateInAnswers = {
  deferred: DeliveryState.DEFERRED,
  delivered: DeliveryState.DELIVERED,
  bounced: DeliveryState.BOUNCED,
} as const

/** Names the one copy that changed; GetDeliveryStatus has the message's others. */
function changeOf(event: Recorded<DeliveryEvent>): MailboxChange {
  const { sender, messageId, recipient, state, code, reason, delayed, changedAt } = outcomeOf(event)
  const changedAtUnixMs = BigInt(changedAt)
  const copy = { recipient, state: stateInAnswers[state], code, reason, changedAtUnixMs, delayed }
  return {
    mailbox: sender,
    status: { messageId, acceptedAtUnixMs: 0n, recipients: [copy] },
    traceparent: event.metadata.traceparent,
  }
}
