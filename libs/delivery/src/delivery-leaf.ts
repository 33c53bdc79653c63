import { leafHash } from '@mailx/merkle/tree-hash'
import { encodeFields } from '@mailx/statement/statement'

/** What the sending domain's signature says about one delivery: who, to whom, which bytes, until when. */
export type DeliveryFacts = {
  /** The domain that delivers; the peer knows it from its certificate. */
  readonly origin: string
  /** The domain that receives. */
  readonly destination: string
  readonly sender: string
  readonly recipient: string
  readonly messageId: Uint8Array
  readonly contentHash: Uint8Array
  readonly envelopeHash: Uint8Array
  readonly createdAt: number
  readonly expiresAt: number
}

/**
 * The leaf hash of one delivery. The statement `delivery-batch` signs the Merkle root over the leaves of
 * a batch in their order, so each delivery stays provable alone by its audit path.
 */
export function deliveryLeaf(facts: DeliveryFacts): Uint8Array {
  const { origin, destination, sender, recipient, messageId } = facts
  const { contentHash, envelopeHash, createdAt, expiresAt } = facts
  return leafHash(
    encodeFields('delivery', [
      origin,
      destination,
      sender,
      recipient,
      messageId,
      contentHash,
      envelopeHash,
      createdAt,
      expiresAt,
    ]),
  )
}
