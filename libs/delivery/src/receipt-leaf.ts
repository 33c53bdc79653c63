import { leafHash } from '@mailx/merkle/tree-hash'
import {
  type DeliveryResponse,
  deliveryResponse_StatusToNumber,
} from '@mailx/proto/delivery/v1/delivery_service'
import { encodeFields } from '@mailx/statement/statement'

/** What the receiving domain's signature says about one delivery. */
export type ReceiptFacts = {
  readonly recipient: string
  /** The sender's id of the message. */
  readonly messageId: Uint8Array
  /** The number of the status on the wire. */
  readonly status: number
  /** The id that the receiving domain gave: `message_id` of the response, empty unless accepted. */
  readonly acceptedId: string
  readonly timestamp: number
}

/**
 * The leaf hash of one answer. The statement `delivery-receipt` signs the Merkle root over the leaves of
 * a batch's answers in their order; a single answer is a batch of one.
 */
export function receiptLeaf(facts: ReceiptFacts): Uint8Array {
  const { recipient, messageId, status, acceptedId, timestamp } = facts
  return leafHash(encodeFields('receipt', [recipient, messageId, status, acceptedId, timestamp]))
}

/** The leaf of a response as it is on the wire, for the delivery that it answers. */
export function receiptLeafOf(
  delivery: { readonly recipient: string; readonly messageId: Uint8Array },
  response: Pick<DeliveryResponse, 'status' | 'messageId' | 'timestamp'>,
): Uint8Array {
  return receiptLeaf({
    recipient: delivery.recipient,
    messageId: delivery.messageId,
    status: deliveryResponse_StatusToNumber(response.status),
    acceptedId: response.messageId,
    timestamp: Number(response.timestamp),
  })
}
