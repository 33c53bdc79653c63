import { MailxError } from '@mailx/errors/mailx-error'

const MARK = 0x80

/**
 * The Padmé bucket of a length: at most 12 % longer, leaking only O(log log n) bits of it
 * (Nikitin et al., "Reducing Metadata Leakage from Encrypted Files", PETS 2019, §4).
 */
export function padmeLength(length: number): number {
  if (length < 2) return length
  const exponent = Math.floor(Math.log2(length))
  const significant = Math.floor(Math.log2(exponent)) + 1
  const step = 2 ** (exponent - significant)
  return step <= 1 ? length : Math.ceil(length / step) * step
}

/** ISO/IEC 7816-4: the bytes, 0x80, then zeros up to the Padmé bucket. */
export function pad(bytes: Uint8Array): Uint8Array {
  const padded = new Uint8Array(padmeLength(bytes.length + 1))
  padded.set(bytes)
  padded[bytes.length] = MARK
  return padded
}

/** The bytes before the last 0x80. Throws BAD_CONTENT when the padding is not what `pad` makes. */
export function unpad(padded: Uint8Array): Uint8Array {
  let end = padded.length - 1
  while (end >= 0 && padded[end] === 0) end -= 1
  if (end < 0 || padded[end] !== MARK || padded.length !== padmeLength(end + 1)) {
    throw new MailxError('BAD_CONTENT', 'the padding is broken')
  }
  return padded.subarray(0, end)
}
