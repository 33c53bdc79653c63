import { concat, fromBase64, toBase64, toHex, utf8 } from '@mailx/crypto/encoding'
import { sha256 } from '@mailx/crypto/hash'
import { MailxError } from '@mailx/errors/mailx-error'

/** Who may sign a note: a name without spaces or plus, and an Ed25519 key. */
export type Verifier = { readonly name: string; readonly publicKey: Uint8Array }

const ED25519 = new Uint8Array([0x01])

/** The first 4 bytes of SHA-256(name || 0x0A || 0x01 || key) (c2sp.org/signed-note). */
export const keyId = ({ name, publicKey }: Verifier): Uint8Array =>
  sha256(concat(utf8(`${name}\n`), ED25519, publicKey)).subarray(0, 4)

/** `<name>+<key id in hex>+<base64 of 0x01 || key>`. */
export const formatVerifierKey = (verifier: Verifier): string =>
  `${verifier.name}+${toHex(keyId(verifier))}+${toBase64(concat(ED25519, verifier.publicKey))}`

/** Throws BAD_KEY on anything but an Ed25519 verifier key whose id is right. */
export function parseVerifierKey(text: string): Verifier {
  const match = /^([^+\s]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)$/.exec(text)
  const [, name, id, encoded] = match ?? []
  if (!name || !id || !encoded || !isVerifierName(name)) {
    throw new MailxError('BAD_KEY', 'a verifier key is <name>+<8 hex digits>+<base64>')
  }
  const typed = decode(encoded)
  const verifier = { name, publicKey: typed.subarray(1) }
  if (typed[0] !== ED25519[0] || typed.length !== 33) {
    throw new MailxError('BAD_KEY', `the verifier key of ${name} is not an Ed25519 key`)
  }
  if (toHex(keyId(verifier)) !== id) {
    throw new MailxError('BAD_KEY', `the verifier key of ${name} does not have the id ${id}`)
  }
  return verifier
}

/** A name that can stand in a note: not empty, no white space, no plus, no control characters. */
export const isVerifierName = (name: string): boolean =>
  name.isWellFormed() && /^[^+\s\p{Cc}]+$/u.test(name)

function decode(text: string): Uint8Array {
  try {
    return fromBase64(text)
  } catch (cause) {
    throw new MailxError('BAD_KEY', 'the key of a verifier key is not base64', { cause })
  }
}
