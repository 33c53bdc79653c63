import { promised, type Recovery } from './fault.ts'
import type { GroupResult } from './run-group.ts'

export type RecoveryLine = {
  readonly name: string
  readonly text: string
  readonly isKept: boolean
}

/** A single one may be unlucky on a machine that has other work, too: up to so many times the promise. */
const UNLUCKY = 3

/** For each kind of fault with a promise: the median keeps it, and no single one is far off. */
export function recoveryLines(results: readonly GroupResult[]): readonly RecoveryLine[] {
  const all = results.flatMap(({ injected }) => injected)
  return Object.entries(promised).flatMap(([kind, limit]) => {
    const own = all.filter(({ recovery }) => recovery === (kind as Recovery))
    const times = own
      .flatMap(({ name, recoveredMs: ms }) => (ms === undefined ? [] : [{ name, ms }]))
      .toSorted((a, b) => a.ms - b.ms)
    const median = times[Math.floor(times.length / 2)]
    const longest = times.at(-1)
    if (median === undefined || longest === undefined) return []
    const isKept = median.ms <= limit && longest.ms <= UNLUCKY * limit
    const text = `${kind} killed → first success: median ${median.ms} ms, longest ${longest.ms} ms (${longest.name}); promised ${limit} ms`
    return [{ name: longest.name, text, isKept }]
  })
}
