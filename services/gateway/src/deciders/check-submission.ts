import { equal, toHex } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { checkContentForm } from '@mailx/envelope/content'
import { type EnvelopeFacts, envelopeFacts } from '@mailx/envelope/envelope-facts'
import { MAX_RECIPIENTS } from '@mailx/envelope/limits'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Submission } from '@mailx/proto/client/v1/client_service'
import type { Session } from './session.ts'

/** 25 MiB cannot be cut into more parts that are worth it. */
export const MAX_ATTACHMENT_PARTS = 400
const CLOCK_SKEW_MS = 5 * 60 * 1000

export type SealedEnvelope = {
  readonly recipient: string
  readonly hash: Uint8Array
  readonly bytes: Uint8Array
}

/** A submission that holds together: one message of this session, to different recipients. */
export type SealedMessage = {
  readonly messageId: Uint8Array
  readonly createdAt: number
  readonly content: Uint8Array
  readonly contentHash: Uint8Array
  readonly envelopes: readonly SealedEnvelope[]
  readonly attachmentHashes: readonly Uint8Array[]
}

/**
 * Checks everything that the submission itself and the session tell; nothing is decrypted and no
 * signature is verified, for that is the recipients' to do. Throws INVALID_ARGUMENT, TOO_LARGE,
 * TOO_MANY_RECIPIENTS, BAD_CONTENT, BAD_ENVELOPE, UNSUPPORTED_VERSION or PERMISSION_DENIED.
 */
export function checkSubmission(submission: Submission, session: Session): SealedMessage {
  const { messageId, content, attachmentHashes } = submission
  if (messageId.length !== 16) throw invalid('message_id must be 16 bytes')
  const count = submission.envelopes.length
  if (count === 0) throw invalid('envelopes is empty: seal one per recipient')
  if (count > MAX_RECIPIENTS) {
    throw new MailxError(
      'TOO_MANY_RECIPIENTS',
      `${count} recipients, the limit is ${MAX_RECIPIENTS}; send to fewer at once`,
    )
  }
  checkContentForm(content)
  checkAttachments(attachmentHashes)
  const contentHash = blake2b256(content)
  const recipients = new Set<string>()
  let createdAt: number | undefined
  let keyCommitment: Uint8Array | undefined
  const envelopes = submission.envelopes.map((bytes) => {
    const facts = envelopeFacts(bytes)
    checkSender(facts, session)
    if (!equal(facts.messageId, messageId)) throw invalid('an envelope is of another message')
    if (!equal(facts.contentHash, contentHash)) {
      throw new MailxError('BAD_CONTENT', 'the content is not the one that its envelopes name')
    }
    createdAt ??= facts.createdAt
    if (facts.createdAt !== createdAt) throw invalid('the envelopes are dated differently')
    // One key for all: with two, a content could be made that says different things to two readers.
    keyCommitment ??= facts.keyCommitment
    if (!equal(facts.keyCommitment, keyCommitment)) {
      throw new MailxError('BAD_ENVELOPE', 'the envelopes commit to different content keys')
    }
    const { recipient, envelopeHash: hash } = facts
    if (recipients.has(recipient)) throw invalid(`the recipient ${recipient} is named twice`)
    recipients.add(recipient)
    return { recipient, hash, bytes }
  })
  return {
    messageId,
    createdAt: createdAt ?? 0,
    content,
    contentHash,
    envelopes,
    attachmentHashes,
  }
}

/** Throws EXPIRED or FROM_THE_FUTURE unless the message was made now, give or take five minutes. */
export function checkCreatedAt(createdAt: number, now: number): void {
  if (createdAt < now - CLOCK_SKEW_MS) {
    throw new MailxError(
      'EXPIRED',
      'the message was sealed over five minutes ago: seal it again, with a clock that is right',
    )
  }
  if (createdAt > now + CLOCK_SKEW_MS) {
    throw new MailxError(
      'FROM_THE_FUTURE',
      'the message is dated over five minutes ahead: set the clock and seal it again',
    )
  }
}

function checkSender(facts: EnvelopeFacts, session: Session): void {
  if (facts.sender !== session.address) {
    throw new MailxError('PERMISSION_DENIED', 'the envelope’s sender is not who is signed in')
  }
  if (!equal(facts.senderDeviceId, session.deviceId)) {
    throw new MailxError(
      'PERMISSION_DENIED',
      'the envelope is signed by another device than the one that is signed in',
    )
  }
}

function checkAttachments(hashes: readonly Uint8Array[]): void {
  if (hashes.length > MAX_ATTACHMENT_PARTS) {
    throw new MailxError(
      'TOO_LARGE',
      `${hashes.length} attachment parts, the limit is ${MAX_ATTACHMENT_PARTS}`,
    )
  }
  if (hashes.some(({ length }) => length !== 32)) throw invalid('an attachment hash is 32 bytes')
  if (new Set(hashes.map(toHex)).size !== hashes.length) {
    throw invalid('an attachment part is named twice')
  }
}

const invalid = (message: string) => new MailxError('INVALID_ARGUMENT', message)
