import { MailxError } from '@mailx/errors/mailx-error'
import { sodium } from '#sodium'
import { checkLength } from './check-length.ts'

const TAG_BYTES = 16

/**
 * crypto_box: X25519, XSalsa20-Poly1305. Keys 32 bytes, nonce 24 bytes. Returns tag and ciphertext as
 * libsodium orders them. Throws BAD_KEY on wrong lengths and on keys of low order.
 */
export function sealBox(
  keys: {
    /** The recipient's public key. */
    readonly recipient: Uint8Array
    /** The sender's secret key. */
    readonly sender: Uint8Array
    readonly nonce: Uint8Array
  },
  message: Uint8Array,
): Uint8Array {
  checkLength(keys.recipient, 32, 'an X25519 public key')
  checkLength(keys.sender, 32, 'an X25519 secret key')
  checkLength(keys.nonce, 24, 'a nonce')
  const box = sodium.boxEasy(message, keys.nonce, keys.recipient, keys.sender)
  if (box) return box
  throw new MailxError('BAD_KEY', "the recipient's X25519 key is a point of low order")
}

/** Opens a box from `sender` (public key) to `recipient` (secret key); undefined when it is not one. */
export function openBox(
  keys: {
    readonly recipient: Uint8Array
    readonly sender: Uint8Array
    readonly nonce: Uint8Array
  },
  box: Uint8Array,
): Uint8Array | undefined {
  const { recipient, sender, nonce } = keys
  if (recipient.length !== 32 || sender.length !== 32 || nonce.length !== 24) return undefined
  if (box.length < TAG_BYTES) return undefined
  return sodium.boxOpenEasy(box, nonce, sender, recipient)
}
