import { MailxError } from '@mailx/errors/mailx-error'
import type { ConnectionOf } from '@mailx/federation/peer-server'
import { unary } from '@mailx/grpc/unary'
import {
  type DeliveryBatch,
  DeliveryMetadata,
  type DeliveryRequest,
  type DeliveryResponse,
} from '@mailx/proto/delivery/v1/delivery_service'
import type { BatchSlots } from '../peers/batch-slots.ts'
import type { BatchReceiver } from '../peers/receive-batch.ts'
import type { TraceOf } from './trace-of.ts'

type Deps = {
  readonly connectionOf: ConnectionOf
  readonly receive: BatchReceiver
  readonly slots: BatchSlots
  readonly trace: TraceOf
}

/** One delivery: a batch of one, with its receipt in the response itself. */
export const deliverMessage = ({ connectionOf, receive, slots, trace }: Deps) =>
  unary<DeliveryRequest, DeliveryResponse>(
    async (request, call) => {
      const { local: destination, peer: origin } = connectionOf(call)
      const batch = batchOf(request)
      const free = await slots.take(origin)
      try {
        const { receipt, responses } = await receive({ origin, destination }, batch)
        const [response] = responses
        if (response === undefined) throw new MailxError('INTERNAL', 'a delivery without answer')
        return { ...response, receipt }
      } finally {
        free()
      }
    },
    { trace },
  )

function batchOf(request: DeliveryRequest): DeliveryBatch {
  const { encryptedBlob, envelope, recipient, sender } = request
  const metadata = readMetadata(request.metadata)
  const { attachmentHashes, createdAtUnixMs, expiresAtUnixMs, messageId, traceparent } = metadata
  return {
    sequence: 0n,
    contents: [encryptedBlob],
    deliveries: [
      {
        sender,
        recipient,
        messageId,
        content: 0,
        envelope,
        createdAtUnixMs,
        expiresAtUnixMs,
        attachmentHashes,
        traceparent,
      },
    ],
    kid: metadata.kid,
    createdAtUnixMs: metadata.batchCreatedAtUnixMs,
    signature: request.senderSignature,
  }
}

function readMetadata(bytes: Uint8Array): DeliveryMetadata {
  try {
    return DeliveryMetadata.decode(bytes)
  } catch (cause) {
    const message = 'metadata must be an encoded DeliveryMetadata'
    throw new MailxError('INVALID_ARGUMENT', message, { cause })
  }
}
