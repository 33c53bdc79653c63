import { equal } from '@mailx/crypto/encoding'
import { receiptLeafOf } from '@mailx/delivery/receipt-leaf'
import type { PeerChannel } from '@mailx/federation/dial-peer'
import { openBidi } from '@mailx/grpc/client-stream'
import { rootOf } from '@mailx/merkle/tree-hash'
import {
  type DeliverStreamRequest,
  type DeliverStreamResponse,
  type DeliveryBatch,
  type DeliveryResponse,
  DeliveryServiceClient,
  type Receipt,
} from '@mailx/proto/delivery/v1/delivery_service'
import type { MessageReceived } from '@mailx/proto/reception/v1/events'
import { verifyStatement } from '@mailx/statement/statement'
import type { InboundWorld } from './inbound-world.ts'
import { type MadeDelivery, makeBatch } from './made-delivery.ts'

/** Sends frames on one stream and gives the answers to its batches, in order. */
export async function deliver(
  channel: PeerChannel,
  ...frames: (DeliveryBatch | Uint8Array)[]
): Promise<DeliverStreamResponse[]> {
  const client = channel.client(DeliveryServiceClient)
  const stream = openBidi<DeliverStreamRequest, DeliverStreamResponse>(client.deliverStream)
  const answers: DeliverStreamResponse[] = []
  const reading = (async () => {
    for await (const answer of stream.responses) answers.push(answer)
  })()
  for (const frame of frames) {
    const value =
      frame instanceof Uint8Array
        ? ({ $case: 'blob', value: frame } as const)
        : ({ $case: 'batch', value: frame } as const)
    await stream.write({ frame: value })
  }
  stream.end()
  await reading
  return answers
}

/** A batch of a.test for b.test. */
export const batchOf = (world: InboundWorld, ...made: MadeDelivery[]): DeliveryBatch =>
  makeBatch(world.a, 'b.test', made)

/** The answer to a batch of one. */
export async function deliverOne(
  world: InboundWorld,
  channel: PeerChannel,
  made: MadeDelivery,
): Promise<DeliveryResponse> {
  const [answer] = await deliver(channel, batchOf(world, made))
  return answer?.responses[0] as DeliveryResponse
}

/** Whether the receipt is b.test's word to a.test for these answers to these deliveries. */
export function receiptHolds(
  world: InboundWorld,
  made: readonly MadeDelivery[],
  answer: {
    readonly responses: readonly DeliveryResponse[]
    readonly receipt?: Receipt | undefined
  },
): boolean {
  const { receipt, responses } = answer
  const publicKey = world.neighbours.certified.get(receipt?.kid ?? '')
  if (receipt === undefined || publicKey === undefined) return false
  const leaves = made.map(({ delivery }, at) => receiptLeafOf(delivery, responses[at] as never))
  const root = rootOf(leaves)
  const { count, signature, signedAtUnixMs: signedAt } = receipt
  const statement = { origin: 'a.test', destination: 'b.test', root, count, signedAt }
  return (
    equal(root, receipt.root) &&
    verifyStatement('delivery-receipt', statement, signature, publicKey)
  )
}

/** What is recorded of a message, from whichever origin. */
export const receptionsOf = async (
  world: InboundWorld,
  { delivery }: MadeDelivery,
): Promise<MessageReceived[]> =>
  (await world.receptions()).filter(({ messageId }) => equal(messageId, delivery.messageId))
