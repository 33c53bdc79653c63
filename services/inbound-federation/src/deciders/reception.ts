import { equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Decider } from '@mailx/events/decider'
import type { ReceptionEvent } from '@mailx/events/reception'
import type { MessageReceived } from '@mailx/proto/reception/v1/events'

/** One delivery of one message to one recipient by one origin. It happens once, for ever. */
export type Reception =
  | { readonly status: 'new' }
  | { readonly status: 'received'; readonly message: MessageReceived }

export type ReceptionCommand = {
  readonly type: 'ReceiveMessage'
  readonly message: MessageReceived
}

/**
 * The first delivery is received; the same again changes nothing. Another message under the same id
 * throws DUPLICATE_MESSAGE_ID. What is only about the transport (batch, disposition, the id that we
 * give) may differ between two deliveries of one message.
 */
function decide({ message }: ReceptionCommand, reception: Reception): ReceptionEvent[] {
  switch (reception.status) {
    case 'new':
      return [{ type: 'MessageReceived', data: message }]
    case 'received':
      if (isSameMessage(reception.message, message)) return []
      throw new MailxError(
        'DUPLICATE_MESSAGE_ID',
        'another message with this id was delivered before; a new message needs a new id',
      )
  }
}

const isSameMessage = (a: MessageReceived, b: MessageReceived): boolean =>
  a.sender === b.sender &&
  a.createdAtUnixMs === b.createdAtUnixMs &&
  equal(a.contentHash, b.contentHash) &&
  equal(a.envelopeHash, b.envelopeHash)

function evolve(_: Reception, event: ReceptionEvent): Reception {
  switch (event.type) {
    case 'MessageReceived':
      return { status: 'received', message: event.data }
  }
}

export const reception: Decider<Reception, ReceptionCommand, ReceptionEvent> = {
  initialState: { status: 'new' },
  decide,
  evolve,
}
