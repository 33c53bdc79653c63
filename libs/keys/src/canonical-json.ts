import { utf8 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'

const MAX_DEPTH = 32

/**
 * One JSON value, one byte sequence: RFC 8785 restricted to integers. Members of an object in
 * ascending order of their names' UTF-16 code units, no white space, strings with the shortest
 * escapes (\" \\ \b \t \n \f \r, \u00xx in lower case for other control characters, everything else
 * as it is), integers in plain decimal, UTF-8.
 *
 * Throws INVALID_ARGUMENT for a number that is not a safe integer, a lone surrogate, a value that
 * JSON cannot say, and nesting beyond 32.
 */
export const canonicalJson = (value: unknown): Uint8Array => utf8(write(value, 0))

function write(value: unknown, depth: number): string {
  if (depth > MAX_DEPTH) throw refusal(`nesting beyond ${MAX_DEPTH}`)
  if (typeof value === 'string') return writeText(value)
  if (typeof value === 'number') return writeNumber(value)
  if (typeof value === 'boolean' || value === null) return String(value)
  if (typeof value !== 'object') throw refusal(`a value of type ${typeof value}`)
  if (Array.isArray(value)) return `[${value.map((item) => write(item, depth + 1)).join(',')}]`
  return writeObject(value as Record<string, unknown>, depth)
}

function writeText(text: string): string {
  if (!text.isWellFormed()) throw refusal('a lone surrogate')
  return JSON.stringify(text)
}

function writeNumber(number: number): string {
  if (!Number.isSafeInteger(number)) throw refusal(`the number ${number}, which is no integer`)
  // -0 is written as 0.
  return String(number)
}

function writeObject(object: Record<string, unknown>, depth: number): string {
  const members = Object.keys(object)
    .toSorted((a, b) => (a < b ? -1 : 1))
    .map((name) => `${writeText(name)}:${write(object[name], depth + 1)}`)
  return `{${members.join(',')}}`
}

const refusal = (what: string) =>
  new MailxError('INVALID_ARGUMENT', `canonical JSON cannot hold ${what}`)
