import { crashAt } from '@mailx/config/crash-at'
import { formatId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Blob, EventLog } from '@mailx/event-log/event-log'
import { decodeEvent, encodeEvent } from '@mailx/events/codec'
import { receptionEvents } from '@mailx/events/reception'
import type { MessageReceived } from '@mailx/proto/reception/v1/events'
import { type Reception, reception } from '../deciders/reception.ts'

export type Received = {
  /** The id that our receipt names: the same one for ever. */
  readonly acceptedId: Uint8Array
  readonly receivedAt: number
}

/**
 * Appends one reception and resolves after COMMIT. Its stream has room for one event, so that the same
 * delivery again, by whichever replica and however much later, gives the first one's id and time.
 * Rejects with DUPLICATE_MESSAGE_ID for another message under the id, or as the log rejects.
 */
export async function receiveMessage(
  log: EventLog,
  message: MessageReceived,
  blobs: readonly Blob[],
): Promise<Received> {
  const { messageId, origin, recipient } = message
  const at = {
    context: 'reception',
    key: recipient,
    stream: `reception/${formatId(messageId)}/${origin}/${recipient}`,
  }
  const command = { type: 'ReceiveMessage', message } as const
  const [event] = reception.decide(command, reception.initialState)
  if (event === undefined) throw new MailxError('INTERNAL', 'a new reception without an event')
  try {
    const events = [encodeEvent(receptionEvents, event)]
    const appended = await log.append({ ...at, expectedVersion: 0, events, blobs })
    return { acceptedId: message.acceptedId, receivedAt: appended.recordedAt }
  } catch (error) {
    if (!(error instanceof MailxError) || error.code !== 'CONFLICT') throw error
  }
  const [first] = await log.readStream(at)
  const known = first && decodeEvent(receptionEvents, first)
  if (first === undefined || known === undefined) {
    throw new MailxError('CORRUPT_LOG', `the reception stream ${at.stream} cannot be read`)
  }
  const before: Reception = reception.evolve(reception.initialState, known)
  reception.decide(command, before)
  crashAt('inbound.after-repeat')
  return { acceptedId: known.data.acceptedId, receivedAt: first.recordedAt }
}
