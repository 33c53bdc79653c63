import { toHex, utf8 } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'

/** A user key to read aloud: the first 20 bytes of its BLAKE2b-256, in groups of four digits. */
export function fingerprint(publicKey: Uint8Array): string {
  const digits = toHex(blake2b256(utf8('mailx/v1/fingerprint'), publicKey).subarray(0, 20))
  return (digits.match(/.{4}/g) ?? []).join(' ')
}
