import type { RateLimiter } from '@mailx/cache/rate-limit'
import { MailxError } from '@mailx/errors/mailx-error'
import { LRUCache } from 'lru-cache'

type Lease = { left: number; readonly until: number }

export type LeaseOptions = {
  readonly limiter: RateLimiter
  /** How many points are taken from the shared bucket at once. */
  readonly lease: number
  /** After this long what is left of a lease is forfeited. */
  readonly durationMs: number
  readonly now: () => number
}

const MAX_LEASES = 50_000

/**
 * The same limit, asked for in bulk: a process takes some points from the shared bucket ahead and
 * spends them by itself, so that a stream of messages does not cost a round trip each. What a process
 * holds unspent is at most one lease, so the limit is kept to within that per process.
 */
export function leasedLimiter({ limiter, lease, durationMs, now }: LeaseOptions): RateLimiter {
  // With `max` its room would be taken at once.
  const leases = new LRUCache<string, Lease>({ maxSize: MAX_LEASES, sizeCalculation: () => 1 })
  return {
    async consume(id, points = 1) {
      const held = leases.get(id)
      if (held !== undefined && held.until > now() && held.left >= points) {
        held.left -= points
        return
      }
      if (lease > points && (await mayTake(limiter, id, lease))) {
        const other = leases.get(id)?.left ?? 0
        leases.set(id, { left: other + lease - points, until: now() + durationMs })
        return
      }
      await limiter.consume(id, points)
    },
  }
}

/** A whole lease may be more than what is left; the points themselves may still be there. */
async function mayTake(limiter: RateLimiter, id: string, points: number): Promise<boolean> {
  try {
    await limiter.consume(id, points)
    return true
  } catch (error) {
    if (error instanceof MailxError && error.code === 'RATE_LIMITED') return false
    throw error
  }
}
