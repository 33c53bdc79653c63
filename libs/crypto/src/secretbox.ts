import { sodium } from '#sodium'
import { checkLength } from './check-length.ts'

const TAG_BYTES = 16

/** XSalsa20-Poly1305. Key 32 bytes, nonce 24 bytes, used once. Throws BAD_KEY on wrong lengths. */
export function sealSecretbox(
  { key, nonce }: { readonly key: Uint8Array; readonly nonce: Uint8Array },
  message: Uint8Array,
): Uint8Array {
  checkLength(key, 32, 'a secretbox key')
  checkLength(nonce, 24, 'a nonce')
  return sodium.secretboxEasy(message, nonce, key)
}

/** The message, or undefined when the box was not made with this key and nonce. */
export function openSecretbox(
  { key, nonce }: { readonly key: Uint8Array; readonly nonce: Uint8Array },
  box: Uint8Array,
): Uint8Array | undefined {
  if (key.length !== 32 || nonce.length !== 24 || box.length < TAG_BYTES) return undefined
  return sodium.secretboxOpenEasy(box, nonce, key)
}
