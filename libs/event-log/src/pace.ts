/** Older work counts less: e times less after so long. */
const MEMORY_MS = 1_000

export type Pace = {
  /** There is work again, after there was none. */
  readonly begin: () => void
  /** So much of it is done. */
  readonly done: (amount: number) => void
  /** How many milliseconds so much takes, as fast as it went lately; while nothing gets done it grows. */
  readonly msFor: (amount: number) => number
}

/** How fast work goes while there is any. Times without work do not count. */
export function pace(now: () => number = () => performance.now()): Pace {
  let amount = 0
  let spentMs = 0
  let since = now()
  return {
    begin() {
      since = now()
    },
    done(more) {
      const at = now()
      const kept = Math.exp((since - at) / MEMORY_MS)
      amount = amount * kept + more
      spentMs = spentMs * kept + at - since
      since = at
    },
    msFor(wanted) {
      const stillMs = now() - since
      return amount === 0 ? stillMs : ((spentMs + stillMs) * wanted) / amount
    },
  }
}

const SHORTEST_MS = 100
const LONGEST_MS = 10_000

/** What to tell somebody who is to come back when a backlog is gone: not at once, and not for ever. */
export const retryAfter = (ms: number): number =>
  Math.round(Math.min(LONGEST_MS, Math.max(SHORTEST_MS, ms)))
