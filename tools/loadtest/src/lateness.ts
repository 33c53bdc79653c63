import type { Message } from './message.ts'

/** A message of an open loop that leaves later than so after it was due has left late. */
const LATE_MS = 10

export type Lateness = {
  readonly overMs: number
  /** Messages that left later than that, and how late the latest left. */
  readonly messages: number
  readonly longestMs: number
}

/**
 * How well an open loop kept its times: whether messages left when they were due. Sealing inside the
 * run, a machine that is too busy, and waiting for room all count, as they do in the latencies.
 */
export function lateness(measureFrom: number) {
  let messages = 0
  let longestMs = 0
  return {
    left(batch: readonly Message[], at: number) {
      for (const { due } of batch) {
        if (due < measureFrom) continue
        const late = at - due
        if (late > LATE_MS) messages += 1
        if (late > longestMs) longestMs = late
      }
    },
    get found(): Lateness {
      return { overMs: LATE_MS, messages, longestMs: Math.round(longestMs * 10) / 10 }
    },
  }
}
