import { promised, type Recovery } from './fault.ts'
import { loadText } from './machine-load.ts'
import type { GroupResult } from './run-group.ts'

export type RecoveryLine = {
  readonly name: string
  readonly text: string
  readonly isKept: boolean
}

const killed: Readonly<Record<Recovery, string>> = {
  service: 'a service killed',
  instance: 'one of two of a service killed',
  postgres: 'Postgres killed',
  everything: 'everything killed',
}

/** For each kind of fault with a promise: the longest one keeps it, however loaded the machine was. */
export function recoveryLines(results: readonly GroupResult[]): readonly RecoveryLine[] {
  const all = results.flatMap(({ injected }) => injected)
  return Object.entries(promised).flatMap(([kind, limit]) => {
    const own = all.filter(({ recovery }) => recovery === (kind as Recovery))
    const times = own
      .flatMap(({ name, recoveredMs: ms, load }) => (ms === undefined ? [] : [{ name, ms, load }]))
      .toSorted((a, b) => a.ms - b.ms)
    const median = times[Math.floor(times.length / 2)]
    const longest = times.at(-1)
    if (median === undefined || longest === undefined) return []
    const late = times.filter(({ ms }) => ms > limit)
    const text = [
      `${killed[kind as Recovery]} → first success: median ${median.ms} ms, longest ${longest.ms} ms (${longest.name}, ${loadText(longest.load)}); promised ${limit} ms`,
      ...(late.length > 0 ? [`, and ${late.length} of ${times.length} took longer`] : []),
    ].join('')
    return [{ name: longest.name, text, isKept: late.length === 0 }]
  })
}
