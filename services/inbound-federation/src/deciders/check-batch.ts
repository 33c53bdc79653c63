import { blake2b256 } from '@mailx/crypto/hash'
import { deliveryLeaf } from '@mailx/delivery/delivery-leaf'
import { inclusionProofs, type ProvedTree } from '@mailx/merkle/inclusion-proofs'
import type { Delivery, DeliveryBatch } from '@mailx/proto/delivery/v1/delivery_service'
import { verifyStatement } from '@mailx/statement/statement'
import type { Refusal } from './check-delivery.ts'
import { limits } from './delivery-limits.ts'

export type Content = { readonly hash: Uint8Array; readonly data: Uint8Array }

/** A batch whose deliveries are as the peer's key signed them. */
export type CheckedBatch = {
  readonly contents: readonly Content[]
  /** Over the leaves of the deliveries, in their order. */
  readonly tree: ProvedTree
}

export type BatchContext = {
  readonly origin: string
  readonly destination: string
  readonly now: number
  /** The peer's `deliver` key that the batch names; undefined when it publishes none. */
  readonly publicKey: Uint8Array | undefined
}

/** Count and size, before anything is computed over them. */
export function faultOfSize({ contents, deliveries }: DeliveryBatch): Refusal | undefined {
  if (deliveries.length > limits.batchDeliveries) {
    const detail = `a batch may have ${limits.batchDeliveries} deliveries at most`
    return { status: 'TOO_LARGE', detail }
  }
  const bytes =
    contents.reduce((sum, content) => sum + content.length, 0) +
    deliveries.reduce((sum, { envelope }) => sum + envelope.length, 0)
  if (bytes > limits.batchBytes) {
    return { status: 'TOO_LARGE', detail: `a batch may have ${limits.batchBytes} bytes at most` }
  }
  return undefined
}

/**
 * Whether the origin signed this very batch: for us, at this time, these deliveries in this order. The
 * signature covers contents and envelopes by their hashes, which are computed here.
 */
export function checkBatch(
  batch: DeliveryBatch,
  { destination, now, origin, publicKey }: BatchContext,
): CheckedBatch | Refusal {
  const createdAt = batch.createdAtUnixMs
  const distance = Math.abs(Number(createdAt) - now)
  if (createdAt < 0n || !(distance <= limits.clockSkewMs)) {
    return later('the batch was not signed within five minutes of our time; check the clocks')
  }
  if (publicKey === undefined) {
    return later(`${origin} publishes no valid deliver key of the name that signed the batch`)
  }
  const contents = batch.contents.map((data) => ({ hash: blake2b256(data), data }))
  const leaves: Uint8Array[] = []
  for (const delivery of batch.deliveries) {
    const content = contents[delivery.content]
    if (content === undefined || !isSignable(delivery)) {
      return invalid('a delivery of the batch names a content or a time that is none')
    }
    leaves.push(leafOf(delivery, content.hash, origin, destination))
  }
  if (leaves.length === 0) return invalid('the batch has no deliveries')
  const tree = inclusionProofs(leaves)
  const statement = {
    origin,
    destination,
    root: tree.root,
    count: leaves.length,
    createdAt,
  }
  if (!verifyStatement('delivery-batch', statement, batch.signature, publicKey)) {
    return invalid(`the batch is not signed by ${origin} for ${destination}`)
  }
  return { contents, tree }
}

/** What passes when clocks or published keys are put right: the message itself may be good. */
const later = (detail: string): Refusal => ({ status: 'TRY_LATER', detail, retryAfterMs: 60_000 })

const invalid = (detail: string): Refusal => ({ status: 'REJECTED_INVALID', detail })

/** Statements hold whole numbers from zero and well-formed text; other values were never signed. */
const isSignable = (delivery: Delivery): boolean =>
  isWhole(delivery.createdAtUnixMs) &&
  isWhole(delivery.expiresAtUnixMs) &&
  delivery.sender.isWellFormed() &&
  delivery.recipient.isWellFormed()

const isWhole = (time: bigint): boolean => time >= 0n && time <= BigInt(Number.MAX_SAFE_INTEGER)

const leafOf = (
  delivery: Delivery,
  contentHash: Uint8Array,
  origin: string,
  destination: string,
): Uint8Array =>
  deliveryLeaf({
    origin,
    destination,
    sender: delivery.sender,
    recipient: delivery.recipient,
    messageId: delivery.messageId,
    contentHash,
    envelopeHash: blake2b256(delivery.envelope),
    createdAt: Number(delivery.createdAtUnixMs),
    expiresAt: Number(delivery.expiresAtUnixMs),
  })
