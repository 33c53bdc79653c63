import { MailxError } from '@mailx/errors/mailx-error'

/** Text as UTF-8, bytes, an integer as 8 bytes big-endian, or a nested sequence. */
export type FieldValue = string | Uint8Array | number | bigint | readonly FieldValue[]

const encoder = new TextEncoder()
/** UTF-8 needs at most so many bytes for each unit of a string. */
const MAX_UNIT_BYTES = 3
const LENGTH_BYTES = 4

// Statements are small and many: they are written into one buffer, which grows and is kept.
let bytes = new Uint8Array(1024)
let view = new DataView(bytes.buffer)

/**
 * `"mailx/v1/<purpose>" 0x00`, then for each field its length (uint32, big-endian) and its bytes. Two
 * different inputs whose fields have the same kinds never give the same bytes: the purpose holds no
 * 0x00 and every length is written. Kinds are not written: a purpose fixes them. Throws
 * INVALID_ARGUMENT on a purpose, a text or an integer that cannot be written.
 */
export function encodeFields(purpose: string, fields: readonly FieldValue[]): Uint8Array {
  if (!/^[a-z][a-z-]*$/.test(purpose)) {
    throw new MailxError('INVALID_ARGUMENT', `${JSON.stringify(purpose)} is not a purpose`)
  }
  // Not in one expression: what is written into may be another buffer at the end.
  const end = writeSequence(writeText(0, `mailx/v1/${purpose}\0`), fields)
  return bytes.slice(0, end)
}

/** Writes at an offset; gives the offset behind it. So do the others. */
function writeSequence(from: number, fields: readonly FieldValue[]): number {
  let at = from
  for (const field of fields) {
    const end = writeField(at + LENGTH_BYTES, field)
    view.setUint32(at, end - at - LENGTH_BYTES)
    at = end
  }
  return at
}

function writeField(at: number, field: FieldValue): number {
  if (typeof field === 'string') return writeText(at, wellFormed(field))
  if (typeof field === 'number' || typeof field === 'bigint') return writeInteger(at, field)
  if (!(field instanceof Uint8Array)) {
    reserve(at)
    return writeSequence(at, field)
  }
  reserve(at + field.length)
  bytes.set(field, at)
  return at + field.length
}

function writeText(at: number, text: string): number {
  reserve(at + MAX_UNIT_BYTES * text.length)
  return at + encoder.encodeInto(text, bytes.subarray(at)).written
}

function writeInteger(at: number, value: number | bigint): number {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) {
    throw new MailxError('INVALID_ARGUMENT', `${value} is not a safe integer`)
  }
  const wide = BigInt(value)
  if (wide < 0n || wide > 0xffffffffffffffffn) {
    throw new MailxError('INVALID_ARGUMENT', `${value} is not an unsigned 64-bit integer`)
  }
  reserve(at + 8)
  view.setBigUint64(at, wide)
  return at + 8
}

function reserve(end: number): void {
  if (end <= bytes.length) return
  const larger = new Uint8Array(2 * end)
  larger.set(bytes)
  bytes = larger
  view = new DataView(bytes.buffer)
}

// TextEncoder writes every lone surrogate as the same three bytes.
function wellFormed(text: string): string {
  if (text.isWellFormed()) return text
  throw new MailxError('INVALID_ARGUMENT', 'text with a lone surrogate cannot be signed')
}
