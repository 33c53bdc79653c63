import { x25519 } from '@mailx/crypto/agreement'
import { equal, fromHex } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'

/** A usable X25519 public key: 32 bytes, canonical, not of low order. Throws BAD_KEY. */
export function checkEncryptionKey(key: Uint8Array, what: string): void {
  checkLength(key, what)
  // RFC 7748 reads a key with the top bit set, or not below p, as another key: one key, one spelling.
  if (!isCanonical(key)) throw refusal(what, 'is not encoded canonically')
  try {
    x25519(probe, key)
  } catch (cause) {
    throw new MailxError('BAD_KEY', `${what} is a point of low order, make a new key`, { cause })
  }
}

/** A usable Ed25519 public key: 32 bytes, canonical, not of small order. Throws BAD_KEY. */
export function checkSigningKey(key: Uint8Array, what: string): void {
  checkLength(key, what)
  const y = Uint8Array.from(key)
  y[31] = (y[31] ?? 0) & 0x7f
  if (!isCanonical(y)) throw refusal(what, 'is not encoded canonically')
  if (smallOrder.some((point) => equal(point, y))) {
    throw refusal(what, 'is a point of small order, make a new key')
  }
}

// Any scalar shows a point of low order.
const probe = new Uint8Array(32).fill(0x40)

// y of every point of order 1, 2, 4 and 8; the sign bit is taken off before the comparison.
const smallOrder = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map((hex) => fromHex(hex))

/** Below 2^255 − 19, little-endian. */
const isCanonical = (key: Uint8Array): boolean =>
  (key[31] ?? 0) < 0x7f ||
  (key[31] === 0x7f && (key.subarray(1, 31).some((byte) => byte !== 0xff) || (key[0] ?? 0) < 0xed))

function checkLength(key: Uint8Array, what: string): void {
  if (key.length !== 32) throw refusal(what, 'is not 32 bytes')
}

const refusal = (what: string, problem: string) => new MailxError('BAD_KEY', `${what} ${problem}`)
