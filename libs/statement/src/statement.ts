import { sign, verify } from '@mailx/crypto/sign'
import { MailxError } from '@mailx/errors/mailx-error'
import { encodeFields, type FieldValue } from './encode-fields.ts'
import { type FieldKind, type Purpose, purposes, type StatementOf } from './purposes.ts'

export { encodeFields, type FieldValue } from './encode-fields.ts'

/**
 * The bytes that a signature for this purpose covers. Throws INVALID_ARGUMENT when a field is missing
 * or not of its kind, or cannot be written (integers outside 0 … 2^64-1, lone surrogates).
 */
export const encodeStatement = <P extends Purpose>(
  purpose: P,
  record: StatementOf<P>,
): Uint8Array => encodeFields(purpose, fieldsOf(purposes[purpose], record))

/** A 64-byte Ed25519 signature over the statement. Throws as `encodeStatement`, BAD_KEY as `sign`. */
export const signStatement = <P extends Purpose>(
  purpose: P,
  record: StatementOf<P>,
  secretKey: Uint8Array,
): Uint8Array => sign(secretKey, encodeStatement(purpose, record))

/**
 * Whether the key signed exactly this statement for exactly this purpose. Never throws on what a peer
 * sent: false for keys and signatures of wrong length and for records that no statement can hold.
 */
export function verifyStatement<P extends Purpose>(
  purpose: P,
  record: StatementOf<P>,
  signature: Uint8Array,
  publicKey: Uint8Array,
): boolean {
  let statement: Uint8Array
  try {
    statement = encodeStatement(purpose, record)
  } catch (error) {
    // What cannot be written, for one a negative time, was never signed.
    if (error instanceof MailxError && error.code === 'INVALID_ARGUMENT') return false
    throw error
  }
  return verify(publicKey, statement, signature)
}

const fieldsOf = (
  fields: readonly (readonly [name: string, kind: FieldKind])[],
  record: unknown,
): FieldValue[] => {
  const values = (record ?? {}) as Readonly<Record<string, unknown>>
  return fields.map(([name, kind]) => fieldOf(name, kind, values[name]))
}

// The types promise the kinds; what a peer sent is held to them here.
function fieldOf(name: string, kind: FieldKind, value: unknown): FieldValue {
  switch (kind) {
    case 'text':
      if (typeof value === 'string') return value
      break
    case 'bytes':
      if (value instanceof Uint8Array) return value
      break
    case 'uint':
      if (typeof value === 'number' || typeof value === 'bigint') return value
      break
    default:
      if (Array.isArray(value)) return value.map((item) => fieldsOf(kind, item))
  }
  const wanted = typeof kind === 'string' ? kind : 'a list'
  throw new MailxError('INVALID_ARGUMENT', `the field ${name} of a statement must be ${wanted}`)
}
