import { MailxError } from '@mailx/errors/mailx-error'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export const utf8 = (text: string): Uint8Array => encoder.encode(text)

/** Throws INVALID_ARGUMENT on bytes that are not UTF-8. A byte order mark is kept. */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes)
  } catch (cause) {
    throw new MailxError('INVALID_ARGUMENT', 'the bytes are not UTF-8 text', { cause })
  }
}

/** All parts in one array. */
export const concat = (...parts: readonly Uint8Array[]): Uint8Array => concatAll(parts)

/** As `concat`, for a list of any length: arguments are limited by the stack. */
export function concatAll(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let offset = 0
  for (const part of parts) {
    whole.set(part, offset)
    offset += part.length
  }
  return whole
}

/** Same bytes. Not in constant time: for public values only. */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

/** 4 bytes, big-endian. Throws INVALID_ARGUMENT outside 0 … 2^32-1. */
export function uint32be(value: number): Uint8Array {
  if (!Number.isInteger(value) || value < 0 || value > 0xffffffff) {
    throw new MailxError('INVALID_ARGUMENT', `${value} is not an unsigned 32-bit integer`)
  }
  return new Uint8Array([value >>> 24, value >>> 16, value >>> 8, value])
}

/** 8 bytes, big-endian. Throws INVALID_ARGUMENT outside 0 … 2^64-1 and on unsafe numbers. */
export function uint64be(value: number | bigint): Uint8Array {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new MailxError('INVALID_ARGUMENT', `${value} is not a safe integer`)
  }
  const wide = BigInt(value)
  if (wide < 0n || wide > 0xffffffffffffffffn) {
    throw new MailxError('INVALID_ARGUMENT', `${value} is not an unsigned 64-bit integer`)
  }
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, wide)
  return bytes
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const PAD = 0x3d
const encodeTable = encoder.encode(ALPHABET)
const NONE = 64
const decodeTable = new Uint8Array(256).fill(NONE)
encodeTable.forEach((code, value) => {
  decodeTable[code] = value
})

/** Standard alphabet with padding (RFC 4648 §4). */
export function toBase64(bytes: Uint8Array): string {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4).fill(PAD)
  const code = (sextet: number) => encodeTable[sextet & 63] ?? PAD
  for (let from = 0, to = 0; from < bytes.length; from += 3, to += 4) {
    const [a = 0, b = 0, c = 0] = [bytes[from], bytes[from + 1], bytes[from + 2]]
    text[to] = code(a >> 2)
    text[to + 1] = code((a << 4) | (b >> 4))
    if (from + 1 < bytes.length) text[to + 2] = code((b << 2) | (c >> 6))
    if (from + 2 < bytes.length) text[to + 3] = code(c)
  }
  return decoder.decode(text)
}

/**
 * Strict: standard alphabet, padding, no white space, no stray bits, so that bytes have one spelling.
 * With `length`, exactly that many bytes. Throws INVALID_ARGUMENT.
 */
export function fromBase64(text: string, length?: number): Uint8Array {
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  const digitCount = text.length - padding
  const bytes = new Uint8Array(Math.floor((digitCount * 6) / 8))
  let pending = 0
  let wrong = text.length % 4
  for (let from = 0, to = 0; from < digitCount; from++) {
    const code = text.charCodeAt(from)
    const sextet = code < 256 ? (decodeTable[code] ?? NONE) : NONE
    wrong |= sextet & NONE
    pending = ((pending << 6) | sextet) & 0xffff
    // Digits 2, 3 and 4 of each group of four complete a byte.
    const left = (from * 6 + 6) % 8
    if (left < 6) bytes[to++] = pending >> left
  }
  if (wrong !== 0) {
    throw new MailxError('INVALID_ARGUMENT', 'not standard base64 with padding (RFC 4648 §4)')
  }
  if (padding > 0 && (pending & (padding === 2 ? 0x0f : 0x03)) !== 0) {
    throw new MailxError('INVALID_ARGUMENT', 'base64 whose last character has stray bits')
  }
  if (length !== undefined && bytes.length !== length) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      `${bytes.length} bytes of base64 where ${length} belong`,
    )
  }
  return bytes
}

const digits = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Node's own is several times faster; browsers do not have it. */
const native = 'Buffer' in globalThis ? Buffer : undefined

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  if (native !== undefined) {
    return native.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
  }
  let text = ''
  for (const byte of bytes) text += digits[byte]
  return text
}

/** Either case. Throws INVALID_ARGUMENT on anything else. */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new MailxError('INVALID_ARGUMENT', 'not hexadecimal bytes')
  }
  const bytes = new Uint8Array(text.length / 2)
  for (let i = 0; i < bytes.length; i++)
    bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16)
  return bytes
}
