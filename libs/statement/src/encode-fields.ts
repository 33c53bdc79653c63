import { concat, concatAll, uint32be, uint64be, utf8 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'

/** Text as UTF-8, bytes, an integer as 8 bytes big-endian, or a nested sequence. */
export type FieldValue = string | Uint8Array | number | bigint | readonly FieldValue[]

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
  return concat(utf8(`mailx/v1/${purpose}\0`), encodeSequence(fields))
}

const encodeSequence = (fields: readonly FieldValue[]): Uint8Array =>
  concatAll(
    fields.flatMap((field) => {
      const bytes = encodeField(field)
      return [uint32be(bytes.length), bytes]
    }),
  )

function encodeField(field: FieldValue): Uint8Array {
  if (typeof field === 'string') return utf8(wellFormed(field))
  if (typeof field === 'number' || typeof field === 'bigint') return uint64be(field)
  return field instanceof Uint8Array ? field : encodeSequence(field)
}

// TextEncoder writes every lone surrogate as the same three bytes.
function wellFormed(text: string): string {
  if (text.isWellFormed()) return text
  throw new MailxError('INVALID_ARGUMENT', 'text with a lone surrogate cannot be signed')
}
