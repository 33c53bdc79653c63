import type { Pool } from 'pg'

export type Turnstile = {
  /** Runs `work` when fewer than the limit are inside; first come, first served. */
  pass<T>(work: () => Promise<T>): Promise<T>
}

export function turnstile(limit: number): Turnstile {
  const queue: (() => void)[] = []
  let inside = 0
  return {
    async pass(work) {
      if (inside < limit) inside += 1
      // Whoever leaves hands over the place, so `inside` stays the same.
      else await new Promise<void>((resolve) => queue.push(resolve))
      try {
        return await work()
      } finally {
        const next = queue.shift()
        if (next === undefined) inside -= 1
        else next()
      }
    },
  }
}

const turnstiles = new WeakMap<Pool, Turnstile>()

/**
 * Half of a pool's connections at most are for processors, of all runners that share the pool: the
 * rest is for appends and queries, which people wait for.
 */
export function turnstileOf(pool: Pool): Turnstile {
  const existing = turnstiles.get(pool)
  if (existing !== undefined) return existing
  const made = turnstile(Math.max(1, Math.floor((pool.options.max ?? 10) / 2)))
  turnstiles.set(pool, made)
  return made
}
