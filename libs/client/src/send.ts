import { parseAddress } from '@mailx/address/address'
import { encryptionKeyPair } from '@mailx/crypto/agreement'
import { signingKeyPair } from '@mailx/crypto/sign'
import { type File, sealAttachment } from '@mailx/envelope/attachment'
import { MAX_RECIPIENTS } from '@mailx/envelope/limits'
import { attachmentHashes } from '@mailx/envelope/payload'
import { sealMessage } from '@mailx/envelope/seal-message'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Submission, SubmitResult } from '@mailx/proto/client/v1/client_service'
import type { Account } from './account.ts'
import type { DeviceKeys } from './keyring.ts'
import { lookUpKeys } from './look-up-keys.ts'
import { signedIn } from './session.ts'

/** What a person writes. */
export type Draft = {
  readonly to: readonly string[]
  readonly cc?: readonly string[]
  readonly bcc?: readonly string[]
  readonly subject: string
  readonly body: string
  readonly contentType?: string
  readonly inReplyTo?: string
  readonly references?: readonly string[]
  readonly files?: readonly File[]
  /** An envelope for the sender too, so that the message is in the own mailbox. Default: true. */
  readonly keepCopy?: boolean
}

export type SealedDraft = {
  readonly submission: Submission
  /** Sealed parts of attachments, to be uploaded before the submission. */
  readonly parts: readonly Uint8Array[]
}

/** Looks up the recipients' keys and seals the draft. Nothing leaves the device yet. */
export async function sealDraft(account: Account, draft: Draft): Promise<SealedDraft> {
  const { address } = account.keyring
  const shown = canonical([...draft.to, ...(draft.cc ?? [])])
  const hidden = canonical(draft.bcc).filter((bcc) => !shown.includes(bcc))
  if (shown.length + hidden.length === 0) {
    throw new MailxError('INVALID_ARGUMENT', 'name at least one recipient')
  }
  const copy = draft.keepCopy === false ? [] : [address]
  const everybody = [...new Set([...shown, ...hidden, ...copy])]
  if (everybody.length > MAX_RECIPIENTS) {
    throw new MailxError(
      'TOO_MANY_RECIPIENTS',
      `${everybody.length} recipients${copy.length > 0 ? ' with the own copy' : ''}, the limit is ${MAX_RECIPIENTS}; send to fewer at once`,
    )
  }
  const keys = await lookUpKeys(account, everybody)
  const sealedFiles = (draft.files ?? []).map((file) => sealAttachment(file, account.random))
  const attachments = sealedFiles.map(({ attachment }) => attachment)
  const { messageId, content, envelopes } = sealMessage({
    payload: {
      to: draft.to,
      cc: draft.cc ?? [],
      subject: draft.subject,
      body: draft.body,
      contentType: draft.contentType ?? 'text/plain',
      references: draft.references ?? [],
      ...(draft.inReplyTo !== undefined && { inReplyTo: draft.inReplyTo }),
      attachments,
    },
    from: { address, device: sendingDevice(account.keyring.device) },
    recipients: keys.map((recipient) => ({
      address: recipient.address,
      keys: recipient,
      bcc: hidden.includes(recipient.address),
    })),
    now: account.now(),
    random: account.random,
  })
  const submission = {
    messageId,
    content,
    envelopes,
    attachmentHashes: attachmentHashes({ attachments }),
    traceparent: '',
  }
  return { submission, parts: sealedFiles.flatMap(({ parts }) => parts) }
}

/**
 * Uploads the parts and submits. Resolves when the server has committed. Safe to repeat with the same
 * sealed draft: the message id is taken once.
 */
export async function submitSealed(
  account: Account,
  { submission, parts }: SealedDraft,
  options: {
    readonly traceparent?: string
    readonly onProgress?: (uploaded: number) => void
  } = {},
): Promise<SubmitResult> {
  const { transport } = account
  const call = options.traceparent === undefined ? {} : { traceparent: options.traceparent }
  for (const [index, data] of parts.entries()) {
    await signedIn(account, (signed) => transport.uploadBlob({ data }, signed), call)
    options.onProgress?.(index + 1)
  }
  return signedIn(account, (signed) => transport.submit(submission, signed), call)
}

/** Each address once, in its canonical form. */
const canonical = (texts: readonly string[] = []) => [
  ...new Set(texts.map((text) => parseAddress(text).canonical)),
]

function sendingDevice(device: DeviceKeys) {
  return {
    id: device.id,
    signingSecretKey: signingKeyPair(device.signingSeed).secretKey,
    encryptionSecretKey: encryptionKeyPair(device.encryptionSeed).secretKey,
  }
}
