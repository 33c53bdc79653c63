import { setTimeout as delay } from 'node:timers/promises'
import { type ErrorCode, isErrorCode, MailxError } from '@mailx/errors/mailx-error'

// They tell of the server's surroundings, not of the request: the same request may be accepted later.
const passing: ReadonlySet<ErrorCode> = new Set([
  'UNAVAILABLE',
  'RESOURCE_EXHAUSTED',
  'RATE_LIMITED',
  'DEADLINE_EXCEEDED',
  'STORAGE_FULL',
  'INTERNAL',
  'DISCOVERY_FAILED',
  'SESSION_EXPIRED',
  'UNAUTHENTICATED',
])

export const isPassing = (code: string): boolean => isErrorCode(code) && passing.has(code)

export const codeOf = (error: unknown): ErrorCode =>
  error instanceof MailxError ? error.code : 'INTERNAL'

/** The old session is of no use any more. */
export const needsSession = (code: string): boolean =>
  code === 'SESSION_EXPIRED' || code === 'UNAUTHENTICATED'

const FIRST_MS = 50
const LONGEST_MS = 2_000

/** How long to wait before try number `tries` + 1: what the server says, else twice as long each time. */
export const waitBefore = (tries: number, retryAfterMs = 0): number =>
  Math.max(retryAfterMs, Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(tries, 10)))

/** Repeats `work` while what it rejects with may pass, until `deadline` (Date.now() ms). */
export async function patiently<Result>(
  work: () => Promise<Result>,
  deadline: number,
): Promise<Result> {
  for (let tries = 0; ; tries++) {
    try {
      return await work()
    } catch (error) {
      if (!(error instanceof MailxError) || !isPassing(error.code)) throw error
      const wait = waitBefore(tries, error.retryAfterMs)
      if (Date.now() + wait > deadline) throw error
      await delay(wait)
    }
  }
}
