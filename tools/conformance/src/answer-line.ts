import { MailxError } from '@mailx/errors/mailx-error'
import { isJsonObject, type JsonObject, type JsonValue } from '@mailx/json/json-value'
import { parseUntrusted } from '@mailx/json/parse-untrusted'
import { calls } from './calls.ts'
import type { Line } from './read-lines.ts'
import { refused, type Verdict } from './verdict.ts'

export const MAX_LINE_BYTES = 32 * 1024 * 1024

const limits = { maxBytes: MAX_LINE_BYTES, maxDepth: 64, maxNodes: 2_000_000 }

/** The answer to one line, as JSON without a line feed. Never throws. */
export function answerLine(line: Line): string {
  const request = read(line)
  if (!request.ok) return write(salvageId(line), request.verdict)
  const { id, call } = request.fields
  return write(id, run(call, request.fields))
}

type Request = { ok: true; fields: JsonObject } | { ok: false; verdict: Verdict }

function read(line: Line): Request {
  if (line.status === 'too long') {
    const message = `a line is longer than the limit of ${MAX_LINE_BYTES} bytes`
    return { ok: false, verdict: refused('TOO_LARGE', message) }
  }
  try {
    const value = parseUntrusted(line.bytes, limits)
    if (isJsonObject(value)) return { ok: true, fields: value }
    return { ok: false, verdict: refused('INVALID_ARGUMENT', 'a request is a JSON object') }
  } catch (error) {
    return { ok: false, verdict: verdictOf(error) }
  }
}

function run(name: JsonValue | undefined, fields: JsonObject): Verdict {
  if (typeof name !== 'string') return refused('INVALID_ARGUMENT', 'call is missing')
  const call = calls.get(name)
  if (call === undefined) return refused('NOT_FOUND', 'there is no such call')
  try {
    return call(fields)
  } catch (error) {
    return verdictOf(error)
  }
}

// What is no MailxError is a defect of the called function: it is shown as such and ends nothing.
const verdictOf = (error: unknown): Verdict =>
  error instanceof MailxError
    ? refused(error.code, error.message)
    : refused('INTERNAL', error instanceof Error ? error.message : 'unknown failure')

function write(id: JsonValue | undefined, verdict: Verdict): string {
  const shown = typeof id === 'number' || typeof id === 'string' ? id : null
  return JSON.stringify({ id: shown, ...verdict })
}

const leadingId = /^\s*\{\s*"id"\s*:\s*(?:(-?[0-9]{1,15})|"([^"\\]{0,100})")\s*[,}]/

/** The id of a line that does not parse, where it is the first member. */
function salvageId(line: Line): JsonValue {
  const bytes = line.status === 'whole' ? line.bytes : line.start
  const start = new TextDecoder().decode(bytes.subarray(0, 200))
  const [, number, text] = leadingId.exec(start) ?? []
  return number === undefined ? (text ?? null) : Number(number)
}
