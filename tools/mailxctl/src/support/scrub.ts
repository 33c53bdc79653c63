import { redact, redactText } from '@mailx/telemetry/redact'

/** What is as long as a key or a token: of hexadecimal 256 bits, of base64 as much. */
const KEY_LIKE = /[A-Za-z0-9+/_-]{40,}={0,2}/g

/**
 * A copy that may leave the house: as for log lines (addresses hashed, secrets by name, credentials in
 * URLs), and without anything that has the look of a key. Trace and message ids stay.
 */
export const scrub = (value: unknown): unknown => scrubbed(redact(value))

/** The same for a longer text, line by line. */
export const scrubText = (text: string): string =>
  text
    .split('\n')
    .map((line) => scrubLine(line))
    .join('\n')

function scrubLine(line: string): string {
  try {
    return JSON.stringify(scrub(JSON.parse(line)))
  } catch {
    return withoutKeys(redactText(line))
  }
}

const withoutKeys = (text: string): string => text.replace(KEY_LIKE, '[redacted]')

function scrubbed(value: unknown): unknown {
  if (typeof value === 'string') return withoutKeys(value)
  if (Array.isArray(value)) return value.map(scrubbed)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [withoutKeys(name), scrubbed(item)]),
  )
}
