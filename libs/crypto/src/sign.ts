import { sodium } from '#sodium'
import { checkLength } from './check-length.ts'

/** Ed25519 (RFC 8032): publicKey 32 bytes, secretKey 64 bytes (seed and public key). */
export type SigningKeyPair = { readonly publicKey: Uint8Array; readonly secretKey: Uint8Array }

/** The key pair of a 32-byte seed. Throws BAD_KEY on another length. */
export function signingKeyPair(seed: Uint8Array): SigningKeyPair {
  checkLength(seed, 32, 'an Ed25519 seed')
  return sodium.signSeedKeyPair(seed)
}

/** A 64-byte signature. Only libs/statement and the note format may call it: nothing else is signed. */
export function sign(secretKey: Uint8Array, message: Uint8Array): Uint8Array {
  checkLength(secretKey, 64, 'an Ed25519 secret key')
  return sodium.signDetached(message, secretKey)
}

/**
 * libsodium's verdict, which refuses small-order keys, non-canonical encodings and malleated
 * signatures. False, never an exception, on any wrong length.
 */
export function verify(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  return sodium.signVerifyDetached(signature, message, publicKey)
}
