import type { Logger } from '@mailx/telemetry/logger'

const QUIET_MS = 5000
const REMEMBERED = 100

/**
 * What to do with trouble that repairs itself: a line in the log, the same one at most every few seconds
 * however often it happens.
 */
export function logTrouble(
  logger: Logger,
  message = 'trouble; trying again',
): (error: unknown) => void {
  const saidAt = new Map<string, number>()
  return (error) => {
    const text = error instanceof Error ? error.message : String(error)
    const now = performance.now()
    if (now - (saidAt.get(text) ?? -QUIET_MS) < QUIET_MS) return
    if (saidAt.size >= REMEMBERED) saidAt.clear()
    saidAt.set(text, now)
    logger.warn({ err: error }, message)
  }
}
