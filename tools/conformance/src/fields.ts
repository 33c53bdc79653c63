import { fromBase64 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import {
  isJsonArray,
  isJsonObject,
  type JsonArray,
  type JsonObject,
  type JsonValue,
} from '@mailx/json/json-value'

export function textField(fields: JsonObject, name: string): string {
  const value = fields[name]
  if (typeof value !== 'string') throw wrong(name, 'a text')
  return value
}

/** Bytes in base64. */
export function bytesField(fields: JsonObject, name: string): Uint8Array {
  return bytesOf(fields[name], name)
}

export function bytesOf(value: JsonValue | undefined, name: string): Uint8Array {
  if (typeof value !== 'string') throw wrong(name, 'bytes in base64')
  return fromBase64(value)
}

/** A whole number, or its decimal digits as a text. */
export function intField(fields: JsonObject, name: string): number {
  const value = fields[name]
  const number = typeof value === 'string' && /^[0-9]{1,16}$/.test(value) ? Number(value) : value
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 0) {
    throw wrong(name, 'a whole number')
  }
  return number
}

export function arrayField(fields: JsonObject, name: string): JsonArray {
  const value = fields[name]
  if (!isJsonArray(value)) throw wrong(name, 'a list')
  return value
}

export function objectField(fields: JsonObject, name: string): JsonObject {
  return objectOf(fields[name], name)
}

export function objectOf(value: JsonValue | undefined, name: string): JsonObject {
  if (!isJsonObject(value)) throw wrong(name, 'an object')
  return value
}

export const wrong = (name: string, expected: string): MailxError =>
  new MailxError('INVALID_ARGUMENT', `${name} is missing or is not ${expected}`)
