import { MailxError } from '@mailx/errors/mailx-error'

/** Slack for two clocks that disagree. */
export const CLOCK_SKEW_MS = 5 * 60 * 1000

/**
 * A wire time as a number. Throws INVALID_ARGUMENT for times before 1970 and beyond 2^53: rounding
 * one would let two different messages have the same statement.
 */
export function unixMs(value: bigint, what: string): number {
  if (value < 0n || value > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new MailxError('INVALID_ARGUMENT', `${what} is not a time`)
  }
  return Number(value)
}

const rfc3339 = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,3})?Z$/

/** Milliseconds of an RFC 3339 time in UTC with at most three decimals; undefined if it is not one. */
export function parseTime(text: string): number | undefined {
  if (!rfc3339.test(text)) return undefined
  const ms = Date.parse(text)
  // Date.parse takes February 30 for March 1.
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 19) !== text.slice(0, 19)) {
    return undefined
  }
  return ms >= 0 ? ms : undefined
}

export const formatTime = (ms: number): string => new Date(ms).toISOString()
