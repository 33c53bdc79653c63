import { parseAddress } from '@mailx/address/address'
import { fromBase64 } from '@mailx/crypto/encoding'
import { parseId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import { isJsonArray, type JsonArray, type JsonValue } from '@mailx/json/json-value'

/** Any text, line breaks included. */
export function text(value: JsonValue | undefined, name: string, maxLength: number): string {
  if (typeof value !== 'string') throw refusal(name, 'is not a text')
  if (value.length > maxLength) throw refusal(name, `is longer than ${maxLength} characters`)
  return value
}

// What ends a line or turns the reading direction of all that follows.
const control = /[\p{Cc}\u2028-\u202e\u2066-\u2069]/u

/** One line of text without control characters. */
export function line(value: JsonValue | undefined, name: string, maxLength: number): string {
  const found = text(value, name, maxLength)
  if (control.test(found)) throw refusal(name, 'holds a control character')
  return found
}

export function list(value: JsonValue | undefined, name: string, maxLength: number): JsonArray {
  if (!isJsonArray(value)) throw refusal(name, 'is not a list')
  if (value.length > maxLength) throw refusal(name, `has more than ${maxLength} entries`)
  return value
}

/** An address as it was written; a +tag is allowed. */
export function address(value: JsonValue | undefined, name: string): string {
  const found = text(value, name, 400)
  try {
    parseAddress(found)
  } catch (cause) {
    throw new MailxError('BAD_CONTENT', `payload: ${name} is not an address`, { cause })
  }
  return found
}

export function uuid(value: JsonValue | undefined, name: string): string {
  const found = text(value, name, 36)
  try {
    parseId(found)
  } catch (cause) {
    throw new MailxError('BAD_CONTENT', `payload: ${name} is not a UUID`, { cause })
  }
  return found
}

const mediaType = /^[a-z0-9!#$&^_.+-]{1,80}\/[a-z0-9!#$&^_.+-]{1,80}(?:;[\x20-\x7e]{0,80})?$/i

export function contentType(value: JsonValue | undefined, name: string): string {
  const found = text(value, name, 255)
  if (!mediaType.test(found)) throw refusal(name, 'is not a media type')
  return found
}

export function bytes(value: JsonValue | undefined, name: string, length?: number): Uint8Array {
  const found = text(value, name, Number.POSITIVE_INFINITY)
  try {
    return fromBase64(found, length)
  } catch (cause) {
    throw new MailxError('BAD_CONTENT', `payload: ${name} is not base64 of the right length`, {
      cause,
    })
  }
}

export function count(value: JsonValue | undefined, name: string, max: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > max) {
    throw refusal(name, `is not a whole number from 0 to ${max}`)
  }
  return value
}

export const refusal = (name: string, what: string): MailxError =>
  new MailxError('BAD_CONTENT', `payload: ${name} ${what}`)
