import type { Keys } from '@mailx/crypto/current-keys'
import { concat, utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { openSecretbox, sealSecretbox } from '@mailx/crypto/secretbox'

const NONCE_BYTES = 24

const boxKey = (key: Uint8Array): Uint8Array => blake2b(utf8('directory/bundle-copy'), { key })

/** A copy for Redis, which is not to know whose keys somebody asks for. The nonce is used once. */
export const sealCopy = (keys: Keys, nonce: Uint8Array, copy: Uint8Array): Uint8Array =>
  concat(nonce, sealSecretbox({ key: boxKey(keys[0]), nonce }, copy))

/** The copy; undefined for what none of the keys has sealed. */
export function openCopy(keys: Keys, sealed: Uint8Array): Uint8Array | undefined {
  const nonce = sealed.slice(0, NONCE_BYTES)
  const box = sealed.slice(NONCE_BYTES)
  for (const key of keys) {
    const copy = openSecretbox({ key: boxKey(key), nonce }, box)
    if (copy !== undefined) return copy
  }
  return undefined
}
