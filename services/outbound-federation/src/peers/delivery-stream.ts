/**
 * One DeliverStream of one connection. Batches are written in order, attachments before the batch that
 * names them; answers come by sequence, several batches are under way at once. Whatever goes wrong
 * ends the stream for all: the peer answers a batch that was not sent (BAD_PROOF), closes or resets it
 * (UNAVAILABLE), or is silent for too long (DEADLINE_EXCEEDED). Then nothing is known about the batches
 * that were not answered.
 */
import { crashAt } from '@mailx/config/crash-at'
import { MailxError } from '@mailx/errors/mailx-error'
import { openBidi } from '@mailx/grpc/client-stream'
import type {
  DeliverStreamRequest,
  DeliverStreamResponse,
  DeliveryBatch,
  DeliveryServiceClient,
} from '@mailx/proto/delivery/v1/delivery_service'

export type DeliveryStream = {
  /**
   * Writes the blobs, then the batch that `compose` makes for its sequence, and resolves with the
   * peer's answer. Rejects with the reason for which the stream ended.
   */
  send(
    blobs: AsyncIterable<Uint8Array>,
    compose: (sequence: bigint) => DeliveryBatch,
  ): Promise<DeliverStreamResponse>
  /** Ends it for all who wait. */
  fail(reason: MailxError): void
}

type Waiting = {
  readonly resolve: (response: DeliverStreamResponse) => void
  readonly reject: (reason: unknown) => void
  readonly timer: NodeJS.Timeout
}

type Options = {
  readonly peer: string
  readonly client: Pick<DeliveryServiceClient, 'deliverStream'>
  /** How long a batch may go unanswered once it is written, and how long a write may be held up. */
  readonly timeoutMs: number
  /** Told once, when the stream has ended. */
  readonly onEnded: (reason: MailxError) => void
}

export function openDeliveryStream({ client, onEnded, peer, timeoutMs }: Options): DeliveryStream {
  // The stream outlives every trace: the deliveries carry theirs.
  const stream = openBidi<DeliverStreamRequest, DeliverStreamResponse>(client.deliverStream, {
    traceparent: '',
  })
  const waiting = new Map<bigint, Waiting>()
  let sequence = 0n
  let ended: MailxError | undefined
  let writing: Promise<unknown> = Promise.resolve()

  const fail = (reason: MailxError) => {
    if (ended !== undefined) return
    ended = reason
    stream.cancel()
    for (const { reject, timer } of waiting.values()) {
      clearTimeout(timer)
      reject(reason)
    }
    waiting.clear()
    onEnded(reason)
  }

  const silence = () =>
    new MailxError('DEADLINE_EXCEEDED', `${peer} did not answer within ${timeoutMs / 1000} s`)

  const write = async (request: DeliverStreamRequest) => {
    if (ended !== undefined) throw ended
    const timer = setTimeout(() => fail(silence()), timeoutMs)
    try {
      await stream.write(request)
    } finally {
      clearTimeout(timer)
    }
  }

  /** The answer comes wrapped: waiting for the write must not mean waiting for the answer. */
  const writeBatch = async (
    blobs: AsyncIterable<Uint8Array>,
    compose: (sequence: bigint) => DeliveryBatch,
  ) => {
    for await (const value of blobs) {
      await write({ frame: { $case: 'blob', value } })
      crashAt('outbound.after-part')
    }
    sequence += 1n
    const batch = compose(sequence)
    const answer = new Promise<DeliverStreamResponse>((resolve, reject) => {
      const timer = setTimeout(() => fail(silence()), timeoutMs)
      waiting.set(batch.sequence, { resolve, reject, timer })
    })
    // Whoever called send() awaits it; until then a failure is nobody's surprise.
    answer.catch(() => undefined)
    await write({ frame: { $case: 'batch', value: batch } })
    crashAt('outbound.after-send')
    return { answer }
  }

  const read = async () => {
    for await (const response of stream.responses) {
      const one = waiting.get(response.sequence)
      if (one === undefined) {
        throw new MailxError('BAD_PROOF', `${peer} answered a batch that it was not sent`)
      }
      waiting.delete(response.sequence)
      clearTimeout(one.timer)
      one.resolve(response)
    }
    throw new MailxError('UNAVAILABLE', `${peer} closed the delivery stream`)
  }
  read().catch((error: unknown) => fail(asMailxError(error)))

  return {
    send: async (blobs, compose) => {
      const turn = writing.then(() => writeBatch(blobs, compose))
      writing = turn.catch(() => undefined)
      try {
        const { answer } = await turn
        return await answer
      } catch (error) {
        throw ended ?? error
      }
    },
    fail,
  }
}

const asMailxError = (error: unknown): MailxError =>
  error instanceof MailxError
    ? error
    : new MailxError('INTERNAL', 'the delivery stream failed here', { cause: error })
