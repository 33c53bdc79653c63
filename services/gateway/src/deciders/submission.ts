import { equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Decider } from '@mailx/events/decider'
import type { SubmissionEvent } from '@mailx/events/submission'
import type { AttachmentBlob, MessageAccepted, Route } from '@mailx/proto/submission/v1/events'
import type { SealedMessage } from './check-submission.ts'
import type { Session } from './session.ts'

/** One message id of one sender. */
export type SubmissionState =
  | { readonly status: 'new' }
  | { readonly status: 'accepted'; readonly accepted: MessageAccepted }

export type AcceptMessage = {
  readonly type: 'AcceptMessage'
  readonly session: Session
  readonly message: SealedMessage
  /** Of each envelope, in their order. */
  readonly routes: readonly Route[]
  readonly attachments: readonly AttachmentBlob[]
  readonly expiresAt: number
}

function decide(command: AcceptMessage, state: SubmissionState): SubmissionEvent[] {
  switch (state.status) {
    case 'accepted':
      if (isSameMessage(command.message, state.accepted)) return []
      throw new MailxError(
        'DUPLICATE_MESSAGE_ID',
        'another message was accepted under this message_id: give this one an id of its own',
      )
    case 'new':
      return [{ type: 'MessageAccepted', data: acceptedOf(command) }]
  }
}

function acceptedOf(command: AcceptMessage): MessageAccepted {
  const { session, message, routes, attachments, expiresAt } = command
  return {
    messageId: message.messageId,
    sender: session.address,
    senderDeviceId: session.deviceId,
    createdAtUnixMs: BigInt(message.createdAt),
    contentHash: message.contentHash,
    contentSize: message.content.length,
    recipients: message.envelopes.map(({ recipient, hash, bytes }, index) => ({
      address: recipient,
      envelopeHash: hash,
      envelopeSize: bytes.length,
      route: routes[index] ?? 'ROUTE_UNSPECIFIED',
    })),
    attachments,
    expiresAtUnixMs: BigInt(expiresAt),
  }
}

/** The same bytes for the same recipients: the answer to the first attempt was lost. */
export function isSameMessage(message: SealedMessage, accepted: MessageAccepted): boolean {
  const { envelopes, attachmentHashes } = message
  return (
    equal(message.contentHash, accepted.contentHash) &&
    envelopes.length === accepted.recipients.length &&
    envelopes.every(({ hash }, index) => {
      const known = accepted.recipients[index]
      return known !== undefined && equal(hash, known.envelopeHash)
    }) &&
    attachmentHashes.length === accepted.attachments.length &&
    attachmentHashes.every((hash, index) => {
      const known = accepted.attachments[index]
      return known !== undefined && equal(hash, known.hash)
    })
  )
}

const evolve = (state: SubmissionState, event: SubmissionEvent): SubmissionState =>
  state.status === 'accepted' ? state : { status: 'accepted', accepted: event.data }

/** A message id is used once by a sender: for ever the same message. */
export const submission: Decider<SubmissionState, AcceptMessage, SubmissionEvent> = {
  initialState: { status: 'new' },
  decide,
  evolve,
}
