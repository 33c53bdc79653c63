import {
  DeliveryState,
  type MessageStatus,
  type RecipientStatus,
} from '@mailx/proto/storage/v1/storage_service'
import { type MessageAccepted, type Recipient, Route } from '@mailx/proto/submission/v1/events'

/** How far a copy for another domain got. */
export type CopyOutcome = {
  readonly state: 'deferred' | 'delivered' | 'bounced'
  readonly code: string
  readonly reason: string
  readonly delayed: boolean
  readonly changedAt: number
}

export type StatusFacts = {
  readonly accepted: MessageAccepted
  readonly acceptedAt: number
  /** Recipients here in whose mailbox the message is. */
  readonly inMailbox: ReadonlySet<string>
  /** By recipient elsewhere. */
  readonly outcomes: ReadonlyMap<string, CopyOutcome>
}

/** What the sender may know of each copy, and nothing better than what is known. */
export const deliveryStatus = (facts: StatusFacts): MessageStatus => ({
  messageId: facts.accepted.messageId,
  acceptedAtUnixMs: BigInt(facts.acceptedAt),
  recipients: facts.accepted.recipients.map((recipient) => recipientStatus(recipient, facts)),
})

function recipientStatus(recipient: Recipient, facts: StatusFacts): RecipientStatus {
  const { address } = recipient
  const accepted = {
    recipient: address,
    state: DeliveryState.ACCEPTED,
    code: '',
    reason: '',
    changedAtUnixMs: BigInt(facts.acceptedAt),
    delayed: false,
  }
  switch (recipient.route) {
    case Route.LOCAL:
      return facts.inMailbox.has(address)
        ? { ...accepted, state: DeliveryState.DELIVERED }
        : accepted
    case Route.REMOTE:
      return { ...accepted, ...remoteStatus(facts.outcomes.get(address)) }
    case Route.UNDELIVERABLE:
      return {
        ...accepted,
        state: DeliveryState.BOUNCED,
        code: 'NOT_FOUND',
        reason: 'recipient cannot be reached',
      }
    // A newer version accepted it in a way that this one does not know.
    case Route.UNSPECIFIED:
    case Route.UNRECOGNIZED:
      return accepted
  }
}

const states = {
  deferred: DeliveryState.DEFERRED,
  delivered: DeliveryState.DELIVERED,
  bounced: DeliveryState.BOUNCED,
} as const

function remoteStatus(outcome: CopyOutcome | undefined): Partial<RecipientStatus> {
  if (outcome === undefined) return {}
  const { state, code, reason, delayed, changedAt } = outcome
  return { state: states[state], code, reason, delayed, changedAtUnixMs: BigInt(changedAt) }
}
