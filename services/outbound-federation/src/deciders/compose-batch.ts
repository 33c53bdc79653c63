import { toHex } from '@mailx/crypto/encoding'
import { deliveryLeaf } from '@mailx/delivery/delivery-leaf'
import { MailxError } from '@mailx/errors/mailx-error'
import { rootOf } from '@mailx/merkle/tree-hash'
import type { DeliveryBatch } from '@mailx/proto/delivery/v1/delivery_service'
import { signStatement } from '@mailx/statement/statement'
import type { DueDelivery, LaneName } from './due-delivery.ts'

export type BatchRequest = {
  readonly lane: LaneName
  readonly sequence: bigint
  readonly deliveries: readonly DueDelivery[]
  /** The sealed bytes by the hex of their hash. */
  readonly blobs: ReadonlyMap<string, Uint8Array>
  /** Of each delivery: the span that the peer's spans shall follow. */
  readonly traceparentOf: (delivery: DueDelivery) => string
  /** The `deliver` key of the origin. */
  readonly key: { readonly kid: string; readonly secretKey: Uint8Array }
  readonly at: number
}

/** The sealed bytes that deliveries need, each hash once. */
export function blobsOf(deliveries: readonly DueDelivery[]): Uint8Array[] {
  const hashes = new Map<string, Uint8Array>()
  for (const { contentHash, envelopeHash } of deliveries) {
    hashes.set(toHex(contentHash), contentHash)
    hashes.set(toHex(envelopeHash), envelopeHash)
  }
  return [...hashes.values()]
}

/** One signed batch: each content once, one signature for all deliveries. The blobs must be there. */
export function composeBatch(request: BatchRequest): DeliveryBatch {
  const { at, blobs, deliveries, key, lane, sequence, traceparentOf } = request
  const contents = new Map<string, number>()
  for (const { contentHash } of deliveries) {
    const hash = toHex(contentHash)
    if (!contents.has(hash)) contents.set(hash, contents.size)
  }
  const leaves = deliveries.map((delivery) =>
    deliveryLeaf({ ...delivery, origin: lane.origin, destination: lane.peer }),
  )
  const statement = {
    origin: lane.origin,
    destination: lane.peer,
    root: rootOf(leaves),
    count: deliveries.length,
    createdAt: at,
  }
  return {
    sequence,
    contents: [...contents.keys()].map((hash) => blobOf(blobs, hash)),
    deliveries: deliveries.map((delivery) => ({
      sender: delivery.sender,
      recipient: delivery.recipient,
      messageId: delivery.messageId,
      content: contents.get(toHex(delivery.contentHash)) ?? 0,
      envelope: blobOf(blobs, toHex(delivery.envelopeHash)),
      createdAtUnixMs: BigInt(delivery.createdAt),
      expiresAtUnixMs: BigInt(delivery.expiresAt),
      attachmentHashes: delivery.attachments,
      traceparent: traceparentOf(delivery),
    })),
    kid: key.kid,
    createdAtUnixMs: BigInt(at),
    signature: signStatement('delivery-batch', statement, key.secretKey),
  }
}

function blobOf(blobs: ReadonlyMap<string, Uint8Array>, hash: string): Uint8Array {
  const blob = blobs.get(hash)
  if (blob !== undefined) return blob
  throw new MailxError('INTERNAL', 'a batch was composed without its sealed bytes')
}
