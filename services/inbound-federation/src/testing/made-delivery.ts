import { blake2b256 } from '@mailx/crypto/hash'
import { randomBytes } from '@mailx/crypto/random'
import { newId } from '@mailx/crypto/uuid'
import { deliveryLeaf } from '@mailx/delivery/delivery-leaf'
import type { MadeDomain } from '@mailx/federation/testing/made-domain'
import { rootOf } from '@mailx/merkle/tree-hash'
import { Delivery, type DeliveryBatch } from '@mailx/proto/delivery/v1/delivery_service'
import { Envelope } from '@mailx/proto/envelope/v1/envelope'
import { signStatement } from '@mailx/statement/statement'

const DAY_MS = 24 * 60 * 60 * 1000

export type MadeDelivery = { readonly delivery: Delivery; readonly content: Uint8Array }

/** A delivery as a client's seal and an origin's outbound make it; what is sealed is noise. */
export function makeDelivery(
  sender: string,
  recipient: string,
  change: {
    readonly content?: Uint8Array
    readonly envelope?: Partial<Envelope>
    readonly delivery?: Partial<Delivery>
    readonly now?: number
  } = {},
): MadeDelivery {
  const { content = randomBytes(2048), now = Date.now() } = change
  const messageId = newId(now, randomBytes)
  const createdAtUnixMs = BigInt(now)
  const envelope = Envelope.fromPartial({
    version: 1,
    suite: 1,
    messageId,
    sender,
    recipient,
    createdAtUnixMs,
    contentHash: blake2b256(content),
    keyCommitment: randomBytes(32),
    deviceListVersion: 1,
    keyPackets: [{ deviceTag: randomBytes(16), nonce: randomBytes(24), box: randomBytes(48) }],
    senderDeviceId: randomBytes(16),
    signature: randomBytes(64),
    ...change.envelope,
  } as Envelope)
  const delivery = Delivery.fromPartial({
    sender,
    recipient,
    messageId,
    content: 0,
    envelope: Envelope.encode(envelope).finish(),
    createdAtUnixMs,
    expiresAtUnixMs: createdAtUnixMs + BigInt(5 * DAY_MS),
    ...change.delivery,
  } as Delivery)
  return { delivery, content }
}

export type BatchSigner = Pick<MadeDomain, 'domain' | 'keys'>

/** A batch signed as an origin signs it; `change` goes over it after the signature. */
export function makeBatch(
  origin: BatchSigner,
  destination: string,
  made: readonly MadeDelivery[],
  change: Partial<DeliveryBatch> & { readonly signedAt?: number } = {},
): DeliveryBatch {
  const { signedAt = Date.now(), ...after } = change
  const deliveries = made.map(({ delivery }, content) => ({ ...delivery, content }))
  const leaves = made.map(({ content, delivery }) =>
    deliveryLeaf({
      origin: origin.domain,
      destination,
      sender: delivery.sender,
      recipient: delivery.recipient,
      messageId: delivery.messageId,
      contentHash: blake2b256(content),
      envelopeHash: blake2b256(delivery.envelope),
      createdAt: Number(delivery.createdAtUnixMs),
      expiresAt: Number(delivery.expiresAtUnixMs),
    }),
  )
  const statement = {
    origin: origin.domain,
    destination,
    root: rootOf(leaves),
    count: leaves.length,
    createdAt: signedAt,
  }
  const { kid, secretKey } = origin.keys.deliver
  return {
    sequence: 1n,
    contents: made.map(({ content }) => content),
    deliveries,
    kid,
    createdAtUnixMs: BigInt(signedAt),
    signature: signStatement('delivery-batch', statement, secretKey),
    ...after,
  }
}
