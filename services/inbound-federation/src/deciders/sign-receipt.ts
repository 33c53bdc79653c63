import { receiptLeafOf } from '@mailx/delivery/receipt-leaf'
import { rootOf } from '@mailx/merkle/tree-hash'
import type { Delivery, DeliveryResponse, Receipt } from '@mailx/proto/delivery/v1/delivery_service'
import { signStatement } from '@mailx/statement/statement'

type ReceiptRequest = {
  readonly origin: string
  readonly destination: string
  readonly deliveries: readonly Pick<Delivery, 'recipient' | 'messageId'>[]
  /** One for each delivery, in their order. */
  readonly responses: readonly DeliveryResponse[]
  readonly key: { readonly kid: string; readonly secretKey: Uint8Array }
  readonly now: number
}

/** Our word for the answers to a batch: one signature over the Merkle root of them all. */
export function signReceipt(request: ReceiptRequest): Receipt {
  const { deliveries, destination, key, now, origin, responses } = request
  const leaves = deliveries.map((delivery, at) =>
    receiptLeafOf(delivery, responses[at] as DeliveryResponse),
  )
  const root = rootOf(leaves)
  const count = leaves.length
  const statement = { origin, destination, root, count, signedAt: now }
  return {
    kid: key.kid,
    root,
    count,
    signedAtUnixMs: BigInt(now),
    signature: signStatement('delivery-receipt', statement, key.secretKey),
    index: 0,
    path: [],
  }
}
