import { MailxError } from '@mailx/errors/mailx-error'
import type { JsonValue } from './json-value.ts'
import { readDocument } from './read-document.ts'

export type ParseLimits = {
  /** Size of the text in UTF-8. 1 MiB unless told. */
  readonly maxBytes?: number
  /** How many arrays and objects may lie in one another. 32 unless told, 512 at most. */
  readonly maxDepth?: number
  /** How many values the document may hold, containers and their elements. 250 000 unless told. */
  readonly maxNodes?: number
}

const ONE_MIB = 1024 * 1024
const DEPTH_CEILING = 512

/**
 * Reads a JSON text that a stranger wrote. Accepts exactly one value of RFC 8259, and refuses what
 * two parsers may read differently: invalid UTF-8, a byte order mark, lone surrogates, a member named
 * twice or named `__proto__`, numbers that are not finite, and integers that a double cannot hold.
 * Time is linear in the input; depth and size are checked before anything is walked.
 *
 * Throws MailxError INVALID_ARGUMENT (the message names the position) or TOO_LARGE.
 */
export function parseUntrusted(input: string | Uint8Array, limits: ParseLimits = {}): JsonValue {
  const maxBytes = limits.maxBytes ?? ONE_MIB
  const text = typeof input === 'string' ? boundedText(input, maxBytes) : decode(input, maxBytes)
  if (text.charCodeAt(0) === 0xfeff) {
    throw new MailxError('INVALID_ARGUMENT', 'JSON at position 0: a byte order mark, remove it')
  }
  return readDocument(text, {
    maxDepth: Math.min(limits.maxDepth ?? 32, DEPTH_CEILING),
    maxNodes: limits.maxNodes ?? 250_000,
  })
}

function boundedText(text: string, maxBytes: number): string {
  // UTF-8 is never shorter than UTF-16 counts, so most refusals need no encoding.
  if (text.length > maxBytes) throw tooLarge(maxBytes)
  if (text.length * 3 > maxBytes && new TextEncoder().encode(text).length > maxBytes) {
    throw tooLarge(maxBytes)
  }
  return text
}

function decode(bytes: Uint8Array, maxBytes: number): string {
  if (bytes.length > maxBytes) throw tooLarge(maxBytes)
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch (cause) {
    throw new MailxError('INVALID_ARGUMENT', 'JSON is not valid UTF-8', { cause })
  }
}

const tooLarge = (maxBytes: number) =>
  new MailxError('TOO_LARGE', `JSON is larger than the limit of ${maxBytes} bytes`)
