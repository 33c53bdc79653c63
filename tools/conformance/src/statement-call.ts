import { toBase64 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { isJsonArray, isJsonObject, type JsonObject, type JsonValue } from '@mailx/json/json-value'
import { type FieldKind, type Purpose, purposes, type StatementOf } from '@mailx/statement/purposes'
import { encodeFields, encodeStatement, type FieldValue } from '@mailx/statement/statement'
import { bytesOf, objectOf, textField, wrong } from './fields.ts'
import type { Call } from './verdict.ts'

/** `fields` as an object goes to the encoder of the purpose, as a list to the one below it. */
export const statementEncode: Call = (request) => {
  const purpose = textField(request, 'purpose')
  const { fields } = request
  try {
    if (isJsonArray(fields)) {
      return { ok: true, out: toBase64(encodeFields(purpose, fields.map(lowLevel))) }
    }
    return { ok: true, out: toBase64(encodeTyped(purpose, objectOf(fields, 'fields'))) }
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw new MailxError('INVALID_ARGUMENT', cause.message, { cause })
  }
}

function lowLevel(value: JsonValue): FieldValue {
  if (isJsonArray(value)) return value.map(lowLevel)
  if (typeof value === 'number') return integer(value, 'fields')
  return bytesOf(value, 'fields')
}

function encodeTyped(name: string, fields: JsonObject): Uint8Array {
  const purpose = purposeOf(name)
  const record = recordOf(purposes[purpose], fields, 'fields')
  return encodeStatement(purpose, record as StatementOf<typeof purpose>)
}

function purposeOf(name: string): Purpose {
  if (Object.hasOwn(purposes, name)) return name as Purpose
  throw new MailxError('INVALID_ARGUMENT', 'there is no such purpose')
}

const recordOf = (
  kinds: readonly (readonly [name: string, kind: FieldKind])[],
  fields: JsonObject,
  at: string,
): Record<string, unknown> =>
  Object.fromEntries(
    kinds.map(([name, kind]) => [name, typed(fields[name], kind, `${at}.${name}`)]),
  )

function typed(value: JsonValue | undefined, kind: FieldKind, at: string): unknown {
  switch (kind) {
    case 'text':
      if (typeof value !== 'string') throw wrong(at, 'a text')
      return value
    case 'bytes':
      return bytesOf(value, at)
    case 'uint':
      return integer(value, at)
    default:
      if (!isJsonArray(value)) throw wrong(at, 'a list')
      return value.map((item) => {
        if (!isJsonObject(item)) throw wrong(at, 'a list of objects')
        return recordOf(kind, item, at)
      })
  }
}

function integer(value: JsonValue | undefined, at: string): bigint {
  const text = typeof value === 'number' ? String(value) : value
  if (typeof text === 'string' && /^[0-9]{1,20}$/.test(text)) return BigInt(text)
  throw wrong(at, 'a whole number')
}
