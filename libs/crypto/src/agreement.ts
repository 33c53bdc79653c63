import { MailxError } from '@mailx/errors/mailx-error'
import { sodium } from '#sodium'
import { checkLength } from './check-length.ts'

/** X25519 (RFC 7748): both keys 32 bytes. */
export type EncryptionKeyPair = { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }

/** The key pair whose secret key is the 32-byte seed. Throws BAD_KEY on another length. */
export function encryptionKeyPair(seed: Uint8Array): EncryptionKeyPair {
  checkLength(seed, 32, 'an X25519 secret key')
  return { publicKey: sodium.scalarmultBase(seed), secretKey: Uint8Array.from(seed) }
}

/** The 32-byte shared secret. Throws BAD_KEY on wrong lengths and on public keys of low order. */
export function x25519(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  checkLength(secretKey, 32, 'an X25519 secret key')
  checkLength(publicKey, 32, 'an X25519 public key')
  const shared = sodium.scalarmult(secretKey, publicKey)
  if (shared?.some((byte) => byte !== 0)) return shared
  throw new MailxError('BAD_KEY', 'the X25519 public key is a point of low order')
}
