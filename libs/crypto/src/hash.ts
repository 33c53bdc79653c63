import { MailxError } from '@mailx/errors/mailx-error'
import { sodium } from '#sodium'
import { concat } from './encoding.ts'

/** BLAKE2b (RFC 7693): `length` 16 … 64 bytes, default 32; `key` 16 … 64 bytes or none. */
export function blake2b(
  message: Uint8Array,
  options: { readonly length?: number; readonly key?: Uint8Array } = {},
): Uint8Array {
  const { length = 32, key } = options
  if (!Number.isInteger(length) || length < 16 || length > 64) {
    throw new MailxError('INVALID_ARGUMENT', `a BLAKE2b hash has 16 to 64 bytes, not ${length}`)
  }
  if (key && (key.length < 16 || key.length > 64)) {
    throw new MailxError('BAD_KEY', `a BLAKE2b key has 16 to 64 bytes, not ${key.length}`)
  }
  return sodium.generichash(length, message, key)
}

/** BLAKE2b-256 over the parts, one after the other: the hash of everything but the key log. */
export const blake2b256 = (...parts: readonly Uint8Array[]): Uint8Array =>
  sodium.generichash(32, parts.length === 1 && parts[0] ? parts[0] : concat(...parts), undefined)

/** SHA-256: the hash of the key log (RFC 6962). */
export const sha256 = (message: Uint8Array): Uint8Array => sodium.sha256(message)
