import { equal, toHex } from '@mailx/crypto/encoding'
import { type EnvelopeFacts, envelopeFacts } from '@mailx/envelope/envelope-facts'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Delivery, DeliveryResponse_Status } from '@mailx/proto/delivery/v1/delivery_service'
import type { AttachmentBlob } from '@mailx/proto/submission/v1/events'
import { limits } from './delivery-limits.ts'

/** Why a delivery is not taken: data for the peer, who acts on it. */
export type Refusal = {
  readonly status: Exclude<DeliveryResponse_Status, 'ACCEPTED' | 'UNRECOGNIZED'>
  readonly detail: string
  readonly retryAfterMs?: number
}

export type DeliveryContext = {
  /** The peer's domain, from its certificate. */
  readonly origin: string
  /** The hosted domain that the peer dialled. */
  readonly destination: string
  readonly now: number
  /** The content that the delivery names, and its hash. */
  readonly content: { readonly size: number; readonly hash: Uint8Array } | undefined
  /** The sizes of parts that this peer sent, by the hex of their hash. */
  readonly uploads: ReadonlyMap<string, number>
}

/** A delivery that is what it says, as far as its own bytes can show. */
export type CheckedDelivery = {
  readonly delivery: Delivery
  readonly content: { readonly size: number; readonly hash: Uint8Array }
  readonly envelopeHash: Uint8Array
  readonly attachments: readonly AttachmentBlob[]
}

/**
 * Everything about a delivery that does not depend on who lives here, in this order: sizes, addresses,
 * times, the envelope and that it says the same as the delivery, attachments. Gives the first fault.
 */
export function checkDelivery(
  delivery: Delivery,
  context: DeliveryContext,
): CheckedDelivery | Refusal {
  const { content } = context
  if (content === undefined) return invalid('it names a content that is not in the batch')
  if (content.size === 0) return invalid('its content is empty')
  if (content.size + delivery.envelope.length > limits.inlineBytes) {
    return tooLarge('content and envelope', limits.inlineBytes)
  }
  const fault = faultOfNames(delivery, context) ?? faultOfTimes(delivery, context.now)
  if (fault !== undefined) return fault
  const facts = readEnvelope(delivery.envelope)
  if ('status' in facts) return facts
  const different = differenceBetween(facts, delivery, content.hash)
  if (different !== undefined) return invalid(`its envelope names another ${different}`)
  const attachments = checkAttachments(delivery, context.uploads)
  if ('status' in attachments) return attachments
  const parts = attachments.reduce((sum, { size }) => sum + size, 0)
  if (parts + content.size + delivery.envelope.length > limits.messageBytes) {
    return tooLarge('the message with its attachments', limits.messageBytes)
  }
  return { delivery, content, envelopeHash: facts.envelopeHash, attachments }
}

const invalid = (detail: string): Refusal => ({ status: 'REJECTED_INVALID', detail })

const tooLarge = (what: string, limit: number): Refusal => ({
  status: 'TOO_LARGE',
  detail: `${what} may have ${limit} bytes at most`,
})

function faultOfNames(
  { messageId, recipient, sender }: Delivery,
  { destination, origin }: DeliveryContext,
): Refusal | undefined {
  if (messageId.length !== 16) return invalid('its message id is not 16 bytes')
  if (domainOf(sender) !== origin) {
    return invalid(`its sender must be an address of ${origin}`)
  }
  if (domainOf(recipient) !== destination) {
    return invalid(`its recipient must be an address of ${destination}`)
  }
  return undefined
}

/**
 * What follows the @. Whether the rest is a canonical address is checked once, by the envelope, which
 * must name the same sender and recipient.
 */
const domainOf = (address: string): string => address.slice(address.indexOf('@') + 1)

const isTime = (time: bigint): boolean => time > 0n && time <= BigInt(Number.MAX_SAFE_INTEGER)

function faultOfTimes(delivery: Delivery, now: number): Refusal | undefined {
  const { createdAtUnixMs: created, expiresAtUnixMs: expires } = delivery
  if (!isTime(created) || !isTime(expires) || expires <= created) {
    return invalid('its times are none: it must be created in the past and expire after that')
  }
  if (created > BigInt(now + limits.clockSkewMs)) {
    return invalid('it was created in the future; the clocks differ by more than five minutes')
  }
  if (expires <= BigInt(now)) return invalid('it has expired')
  return undefined
}

function readEnvelope(envelope: Uint8Array): EnvelopeFacts | Refusal {
  try {
    return envelopeFacts(envelope)
  } catch (error) {
    if (!(error instanceof MailxError)) throw error
    const { code, message: detail } = error
    if (code === 'TOO_LARGE') return { status: 'TOO_LARGE', detail }
    if (code === 'UNSUPPORTED_VERSION') return { status: 'UNSUPPORTED_VERSION', detail }
    return invalid(detail)
  }
}

function differenceBetween(
  facts: EnvelopeFacts,
  delivery: Delivery,
  contentHash: Uint8Array,
): string | undefined {
  if (facts.sender !== delivery.sender) return 'sender'
  if (facts.recipient !== delivery.recipient) return 'recipient'
  if (!equal(facts.messageId, delivery.messageId)) return 'message id'
  if (BigInt(facts.createdAt) !== delivery.createdAtUnixMs) return 'time of creation'
  if (!equal(facts.contentHash, contentHash)) return 'content'
  return undefined
}

function checkAttachments(
  { attachmentHashes }: Delivery,
  uploads: ReadonlyMap<string, number>,
): AttachmentBlob[] | Refusal {
  if (attachmentHashes.length > limits.attachmentParts) {
    const detail = `a message may have ${limits.attachmentParts} parts of attachments at most`
    return { status: 'TOO_LARGE', detail }
  }
  const parts: AttachmentBlob[] = []
  const seen = new Set<string>()
  for (const hash of attachmentHashes) {
    const name = toHex(hash)
    const size = uploads.get(name)
    if (size === undefined) return invalid('a part of an attachment was not sent before it')
    if (seen.has(name)) return invalid('it names a part of an attachment twice')
    seen.add(name)
    parts.push({ hash, size })
  }
  return parts
}
