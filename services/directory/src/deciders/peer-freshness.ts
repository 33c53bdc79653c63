const MINUTE_MS = 60 * 1000
const HOUR_MS = 60 * MINUTE_MS

/** A DNS record's own time to live counts, within these limits. */
const SHORTEST_MS = 5 * MINUTE_MS
const LONGEST_MS = 24 * HOUR_MS
/** What a source without a time to live of its own is good for. */
const DEFAULT_MS = HOUR_MS
/** A known peer is served this much longer while it cannot be found anew. */
const STALE_MS = 24 * HOUR_MS

const permanentCodes: ReadonlySet<string> = new Set([
  'DOMAIN_NOT_FOUND',
  'NO_MAILX_RECORD',
  'BAD_MAILX_RECORD',
  'BAD_DOMAIN_DOCUMENT',
  'ADDRESS_NOT_ALLOWED',
])

/** Until when a discovery is good: its time to live, and never longer than the document. */
export function expiryOf(ttlMs: number | undefined, validUntil: number, now: number): number {
  const lifetime = Math.min(Math.max(ttlMs ?? DEFAULT_MS, SHORTEST_MS), LONGEST_MS)
  return Math.min(now + lifetime, validUntil)
}

/**
 * When to try again after the n-th failure in a row: five minutes for what the domain has to repair,
 * a minute growing to an hour for what may pass by itself.
 */
export function retryAt(code: string, failures: number, now: number): number {
  if (permanentCodes.has(code)) return now + 5 * MINUTE_MS
  return now + Math.min(MINUTE_MS * 2 ** Math.min(failures - 1, 10), HOUR_MS)
}

/** Whether an answer that expired may still be given because no better one can be had. */
export const isServable = (expiredAt: number, validUntil: number, now: number): boolean =>
  now < expiredAt + STALE_MS && now < validUntil
