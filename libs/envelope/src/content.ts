import { concat } from '@mailx/crypto/encoding'
import { pad, unpad } from '@mailx/crypto/padding'
import { openSecretbox, sealSecretbox } from '@mailx/crypto/secretbox'
import { MailxError } from '@mailx/errors/mailx-error'
import { MAX_CONTENT_BYTES } from './limits.ts'

const FORM = 0x01
const NONCE_END = 1 + 24
const TAG_BYTES = 16

/** 0x01 | nonce | secretbox of the padded payload. Throws TOO_LARGE. */
export function sealContent(
  payload: Uint8Array,
  keys: { readonly contentKey: Uint8Array; readonly nonce: Uint8Array },
): Uint8Array {
  const padded = pad(payload)
  const size = NONCE_END + TAG_BYTES + padded.length
  if (size > MAX_CONTENT_BYTES) {
    throw new MailxError(
      'TOO_LARGE',
      `the message has ${size} bytes without its larger attachments, the limit is ${MAX_CONTENT_BYTES}; send more of it as attachments`,
    )
  }
  const box = sealSecretbox({ key: keys.contentKey, nonce: keys.nonce }, padded)
  return concat(Uint8Array.of(FORM), keys.nonce, box)
}

/** Refuses what cannot be a content, before anything is computed. Throws TOO_LARGE or BAD_CONTENT. */
export function checkContentForm(content: Uint8Array): void {
  if (content.length > MAX_CONTENT_BYTES) {
    throw new MailxError(
      'TOO_LARGE',
      `the content has ${content.length} bytes, the limit is ${MAX_CONTENT_BYTES}`,
    )
  }
  if (content.length <= NONCE_END + TAG_BYTES) {
    throw new MailxError('BAD_CONTENT', 'the content is too short to hold anything')
  }
  if (content[0] !== FORM) {
    throw new MailxError('BAD_CONTENT', 'the content is in a form that suite 1 does not know')
  }
}

/** The payload's bytes. Throws DECRYPTION_FAILED, or BAD_CONTENT for wrong padding. */
export function openContent(content: Uint8Array, contentKey: Uint8Array): Uint8Array {
  checkContentForm(content)
  const nonce = content.subarray(1, NONCE_END)
  const padded = openSecretbox({ key: contentKey, nonce }, content.subarray(NONCE_END))
  if (padded === undefined) {
    throw new MailxError('DECRYPTION_FAILED', 'the content does not open with its key')
  }
  try {
    return unpad(padded)
  } catch (cause) {
    throw new MailxError('BAD_CONTENT', 'the padding of the content is wrong', { cause })
  }
}
