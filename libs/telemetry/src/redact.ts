import { hashAddress } from './address-hash.ts'

const SECRET_NAME =
  /(secret|token|password|passphrase|authorization|cookie|credential|capability|private|seed|nonce|keyring|key)s?$/i
const URL_CREDENTIALS = /(\w+:\/\/)[^\s/@]+@/g
const BEARER = /\bbearer\s+[\w+/=.~-]+/gi
// A name part as mail allows it, letters of any script, and a host.
const ADDRESS = /[\p{L}\p{N}.!#$%&'*+=?^_`{|}~-]{1,128}@[\p{L}\p{N}][\p{L}\p{N}.-]{0,252}/gu
const MAX_TEXT = 4_096
const MAX_DEPTH = 6
const MAX_ITEMS = 50

/** The same text with addresses hashed and URL credentials and bearer tokens taken out. */
export function redactText(text: string): string {
  const short =
    text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}… (${text.length} characters)` : text
  if (!short.includes('@') && !/bearer/i.test(short)) return short
  return short
    .replace(URL_CREDENTIALS, '$1[redacted]@')
    .replace(BEARER, 'Bearer [redacted]')
    .replace(ADDRESS, (address) =>
      address.startsWith('[redacted]') ? address : `address:${hashAddress(address)}`,
    )
}

/** A copy that may be logged: secrets by field name, addresses by look, bytes by length only. */
export function redact(value: unknown, depth = 0): unknown {
  switch (typeof value) {
    case 'string':
      return redactText(value)
    case 'bigint':
      return value.toString()
    case 'object':
      return value === null ? null : redactObject(value, depth)
    case 'function':
    case 'symbol':
      return undefined
    case 'undefined':
    case 'number':
    case 'boolean':
      return value
  }
}

function redactObject(value: object, depth: number): unknown {
  if (ArrayBuffer.isView(value)) return `[${value.byteLength} bytes]`
  if (value instanceof Date) return value
  if (depth >= MAX_DEPTH) return '[deeper]'
  if (value instanceof Error) return redactError(value, depth)
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_ITEMS).map((item) => redact(item, depth + 1))
    return value.length > MAX_ITEMS ? [...items, `… ${value.length} items`] : items
  }
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  return Object.fromEntries(
    entries.map(([name, item]) => [
      redactText(String(name)),
      SECRET_NAME.test(String(name)) && item !== undefined ? '[redacted]' : redact(item, depth + 1),
    ]),
  )
}

function redactError(error: Error, depth: number): unknown {
  const { code, retryAfterMs } = error as Error & { code?: unknown; retryAfterMs?: unknown }
  return {
    type: error.name,
    ...(code === undefined ? {} : { code }),
    ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
    message: redactText(error.message),
    ...(error.stack === undefined ? {} : { stack: redactText(error.stack) }),
    ...(error.cause === undefined ? {} : { cause: redact(error.cause, depth + 1) }),
  }
}
