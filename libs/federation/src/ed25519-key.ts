import { createPublicKey, type KeyObject } from 'node:crypto'
import { concat, fromHex } from '@mailx/crypto/encoding'

// RFC 8410 §4 and §7: the fixed DER around a raw Ed25519 key.
const spkiPrefix = fromHex('302a300506032b6570032100')
const pkcs8Prefix = fromHex('302e020100300506032b657004220420')

/** The DER SubjectPublicKeyInfo of a raw 32-byte Ed25519 key. */
export const ed25519Spki = (publicKey: Uint8Array): Uint8Array => concat(spkiPrefix, publicKey)

/** The DER PrivateKeyInfo of a libsodium secret key (64 bytes: seed, then public key). */
export const ed25519Pkcs8 = (secretKey: Uint8Array): Uint8Array =>
  concat(pkcs8Prefix, secretKey.subarray(0, 32))

/** A raw Ed25519 key as Node's TLS and X.509 functions want it. */
export const ed25519KeyObject = (publicKey: Uint8Array): KeyObject =>
  createPublicKey({ key: Buffer.from(ed25519Spki(publicKey)), format: 'der', type: 'spki' })

/** The raw 32 bytes of an Ed25519 key, or undefined for a key of another kind. */
export function rawEd25519(key: KeyObject): Uint8Array | undefined {
  if (key.asymmetricKeyType !== 'ed25519') return undefined
  const spki = key.export({ format: 'der', type: 'spki' })
  return new Uint8Array(spki.subarray(spkiPrefix.length))
}
