import { setTimeout as delay } from 'node:timers/promises'

type Patience = { readonly timeoutMs?: number; readonly everyMs?: number }

/**
 * Waits for a condition: calls `check` until it neither throws nor returns false, and resolves with
 * what it returned. After the time it rejects with the last reason.
 */
export async function eventually<T>(
  check: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 20 }: Patience = {},
): Promise<T> {
  const deadline = Date.now() + timeoutMs
  for (;;) {
    let reason: unknown = 'it stayed false'
    try {
      const value = await check()
      if (value !== false) return value
    } catch (error) {
      reason = error
    }
    if (Date.now() >= deadline) {
      const words = reason instanceof Error ? reason.message : String(reason)
      throw new Error(`not within ${timeoutMs} ms: ${words}`, { cause: reason })
    }
    await delay(everyMs)
  }
}
