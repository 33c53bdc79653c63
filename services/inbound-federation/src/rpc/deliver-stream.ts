import type { RateLimiter } from '@mailx/cache/rate-limit'
import { crashAt } from '@mailx/config/crash-at'
import { MailxError } from '@mailx/errors/mailx-error'
import type { ConnectionOf } from '@mailx/federation/peer-server'
import { bidi } from '@mailx/grpc/stream'
import type {
  DeliverStreamRequest,
  DeliverStreamResponse,
} from '@mailx/proto/delivery/v1/delivery_service'
import { limits } from '../deciders/delivery-limits.ts'
import type { BatchSlots } from '../peers/batch-slots.ts'
import type { BatchReceiver } from '../peers/receive-batch.ts'
import type { Uploads } from '../peers/uploads.ts'
import type { TraceOf } from './trace-of.ts'

type Deps = {
  readonly connectionOf: ConnectionOf
  readonly receive: BatchReceiver
  readonly slots: BatchSlots
  readonly uploads: Uploads
  /** MiB per peer. */
  readonly uploadRate: RateLimiter
  readonly trace: TraceOf
}

const MIB = 1024 * 1024

/**
 * Several batches are worked on at once, their answers leave in order, and a peer that does not read
 * them, or has enough under way, is not read from either. Parts of attachments are stored before the
 * next frame is looked at.
 */
export const deliverStream = ({ connectionOf, receive, slots, trace, uploadRate, uploads }: Deps) =>
  bidi<DeliverStreamRequest, DeliverStreamResponse>(
    async (requests, { call, write }) => {
      const { local: destination, peer: origin } = connectionOf(call)
      let answered: Promise<void> = Promise.resolve()
      let failed = false
      for await (const { frame } of requests) {
        if (failed) break
        if (frame?.$case === 'blob') {
          await takePart(frame.value, origin, { uploadRate, uploads })
        } else if (frame?.$case === 'batch') {
          const free = await slots.take(origin)
          const answer = receive({ origin, destination }, frame.value)
          answered = Promise.all([answer, answered])
            .then(([response]) => write(response))
            .then(() => crashAt('inbound.after-answer'))
            .finally(free)
          // Awaited at the end; here it only stops the reading.
          answered.catch(() => {
            failed = true
          })
        } else {
          throw new MailxError('INVALID_ARGUMENT', 'a frame holds a batch or a blob')
        }
      }
      await answered
    },
    { trace },
  )

async function takePart(
  part: Uint8Array,
  origin: string,
  { uploadRate, uploads }: Pick<Deps, 'uploadRate' | 'uploads'>,
): Promise<void> {
  if (part.length === 0 || part.length > limits.attachmentPartBytes) {
    const message = `a part of an attachment has 1 to ${limits.attachmentPartBytes} bytes`
    throw new MailxError('TOO_LARGE', message)
  }
  await uploadRate.consume(origin, Math.ceil(part.length / MIB))
  await uploads.store(origin, part)
}
