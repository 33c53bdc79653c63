import { crashAt } from '@mailx/config/crash-at'
import { formatId, newId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import type { EventLog } from '@mailx/event-log/event-log'
import { DeliveryResponse } from '@mailx/proto/delivery/v1/delivery_service'
import { type DeliveryProof, Disposition } from '@mailx/proto/reception/v1/events'
import type { Logger } from '@mailx/telemetry/logger'
import { deliveryId, isSampled } from '@mailx/telemetry/propagation'
import { insideSpan, withSpan } from '@mailx/telemetry/tracer'
import { SpanKind } from '@opentelemetry/api'
import type { CheckedDelivery, Refusal } from '../deciders/check-delivery.ts'
import { receiveMessage } from './receive-message.ts'

export type ReceiveDeliveryDeps = {
  readonly log: EventLog
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
  readonly logger: Logger
  /** Whether the trace of this peer is continued, not only linked to. */
  readonly isTraced: (origin: string) => boolean
}

export type CheckedReception = {
  readonly origin: string
  readonly checked: CheckedDelivery
  readonly content: Uint8Array
  readonly proof: DeliveryProof
  /** Whether somebody has this address. */
  readonly exists: boolean
}

/** Records one delivery and answers it. Never rejects: what went wrong is part of the answer. */
export async function receiveDelivery(
  reception: CheckedReception,
  deps: ReceiveDeliveryDeps,
): Promise<DeliveryResponse> {
  try {
    return await withReceiveSpan(reception, deps, () => append(reception, deps))
  } catch (error) {
    return refusalResponse(refusalOf(error, deps.logger), deps.now())
  }
}

/** Where the trace of a peer is continued, its choice of what is kept holds here, too. */
function withReceiveSpan<T>(
  { checked, origin }: CheckedReception,
  { isTraced }: ReceiveDeliveryDeps,
  work: () => Promise<T>,
): Promise<T> {
  const { messageId, traceparent } = checked.delivery
  const joins = isTraced(origin)
  if (joins && !isSampled(traceparent)) return insideSpan(undefined, work)
  const options = {
    kind: SpanKind.CONSUMER,
    attributes: {
      'messaging.system': 'mailx',
      'messaging.operation.name': 'receive',
      'messaging.operation.type': 'receive',
      'messaging.message.id': formatId(messageId),
      'mailx.peer': origin,
      'mailx.delivery.id': deliveryId(checked.envelopeHash),
    },
    ...(joins ? { parent: traceparent } : { parent: '', links: [traceparent] }),
  }
  return withSpan('receive delivery', options, work)
}

async function append(
  { checked, content, exists, origin, proof }: CheckedReception,
  { log, now, random }: ReceiveDeliveryDeps,
): Promise<DeliveryResponse> {
  const { attachments, delivery, envelopeHash } = checked
  const { envelope } = delivery
  const blobs = [
    { hash: checked.content.hash, data: content },
    { hash: envelopeHash, data: envelope },
  ]
  const message = {
    messageId: delivery.messageId,
    origin,
    sender: delivery.sender,
    recipient: delivery.recipient,
    createdAtUnixMs: delivery.createdAtUnixMs,
    expiresAtUnixMs: delivery.expiresAtUnixMs,
    contentHash: checked.content.hash,
    contentSize: content.length,
    envelopeHash,
    envelopeSize: envelope.length,
    attachments,
    disposition: exists ? Disposition.DELIVER : Disposition.DROP,
    proof,
    acceptedId: newId(now(), random),
  }
  crashAt('inbound.before-append')
  const { acceptedId, receivedAt } = await receiveMessage(log, message, exists ? blobs : [])
  crashAt('inbound.after-commit')
  return DeliveryResponse.create({
    status: 'ACCEPTED',
    messageId: formatId(acceptedId),
    timestamp: BigInt(receivedAt),
  })
}

/** A refusal as it goes over the wire. */
export const refusalResponse = (
  { detail, retryAfterMs = 0, status }: Refusal,
  now: number,
): DeliveryResponse =>
  DeliveryResponse.create({ status, detail, retryAfterMs, timestamp: BigInt(now) })

/** What the peer hears of a failure here. Only another message under an old id is its own fault. */
export function refusalOf(error: unknown, logger: Logger): Refusal {
  if (error instanceof MailxError && error.code === 'DUPLICATE_MESSAGE_ID') {
    return { status: 'REJECTED_INVALID', detail: error.message }
  }
  if (error instanceof MailxError && error.code === 'RATE_LIMITED') {
    const { message: detail, retryAfterMs = 1_000 } = error
    return { status: 'REJECTED_RATE_LIMITED', detail, retryAfterMs: Math.ceil(retryAfterMs) }
  }
  logger.warn({ err: error }, 'a delivery of a peer could not be taken; it will come again')
  const retryAfterMs = (error instanceof MailxError && error.retryAfterMs) || 5_000
  const detail = 'this domain cannot take mail at this moment'
  return { status: 'TRY_LATER', detail, retryAfterMs: Math.ceil(retryAfterMs) }
}
