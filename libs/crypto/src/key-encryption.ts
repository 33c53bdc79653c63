import { MailxError } from '@mailx/errors/mailx-error'
import { concat } from './encoding.ts'
import { openSecretbox, sealSecretbox } from './secretbox.ts'

const NONCE_BYTES = 24

/** A secret under a 32-byte key-encryption key: nonce, then secretbox. The nonce is used once. */
export const wrapKey = (kek: Uint8Array, nonce: Uint8Array, secret: Uint8Array): Uint8Array =>
  concat(nonce, sealSecretbox({ key: kek, nonce }, secret))

/** Throws BAD_KEY when this key-encryption key did not wrap it. */
export function unwrapKey(kek: Uint8Array, wrapped: Uint8Array): Uint8Array {
  const nonce = wrapped.subarray(0, NONCE_BYTES)
  const secret = openSecretbox({ key: kek, nonce }, wrapped.subarray(NONCE_BYTES))
  if (secret) return secret
  throw new MailxError(
    'BAD_KEY',
    'the key-encryption key does not open a stored key: set KEY_ENCRYPTION_KEY to the value it was stored with',
  )
}
