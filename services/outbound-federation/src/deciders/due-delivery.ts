import { toHex } from '@mailx/crypto/encoding'
import type { Delivery, DeliveryFacts, Fault } from './delivery.ts'

/** Which deliveries share a connection, a backoff and an owner. */
export type LaneName = { readonly origin: string; readonly peer: string }

/** Where a delivery stands in its lane: events in their order, recipients in the event's order. */
export type LanePlace = {
  readonly partition: string
  readonly position: bigint
  readonly ordinal: number
}

/** A delivery that has no final outcome, as its lane holds it. */
export type DueDelivery = LaneName &
  LanePlace &
  DeliveryFacts & {
    readonly acceptedAt: number
    readonly createdAt: number
    readonly expiresAt: number
    readonly contentHash: Uint8Array
    readonly contentSize: number
    readonly envelopeHash: Uint8Array
    readonly envelopeSize: number
    readonly attachments: readonly Uint8Array[]
    readonly traceparent: string
    /** What is recorded of it, and the version of its stream that says so. */
    state: Delivery
    version: number
    attempts: number
    lastFault: Fault | undefined
  }

export const laneKey = ({ origin, peer }: LaneName): string => `${origin} ${peer}`

/** One envelope of one message. Ids are the senders' own, so the sender is part of the name. */
export const deliveryKey = ({
  messageId,
  recipient,
  sender,
}: Pick<DeliveryFacts, 'messageId' | 'recipient' | 'sender'>): string =>
  `${toHex(messageId)} ${sender} ${recipient}`

/** Envelopes of one pair arrive in the order in which they were sent. */
export const pairKey = ({ recipient, sender }: Pick<DeliveryFacts, 'recipient' | 'sender'>) =>
  `${sender} ${recipient}`
