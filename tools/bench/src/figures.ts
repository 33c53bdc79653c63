/** One figure of a case. */
export type Figure = {
  readonly value: number
  readonly unit: string
  /** Which way is better. */
  readonly better: 'higher' | 'lower'
  /** What the project means to reach. */
  readonly goal?: number
}

export type Figures = Readonly<Record<string, Figure>>

/** What a case found. */
export type Outcome = {
  readonly figures: Figures
  /** Microseconds of CPU for each message, by process. */
  readonly cpuMicrosPerMessage?: Readonly<Record<string, number>>
  /** What else belongs to it: percentiles, settings, memory over time. */
  readonly details?: unknown
}

export const higher = (value: number, unit: string, goal?: number): Figure => ({
  value: rounded(value),
  unit,
  better: 'higher',
  ...(goal !== undefined && { goal }),
})

export const lower = (value: number, unit: string, goal?: number): Figure => ({
  value: rounded(value),
  unit,
  better: 'lower',
  ...(goal !== undefined && { goal }),
})

export const isMet = ({ value, goal, better }: Figure): boolean =>
  goal === undefined || (better === 'higher' ? value >= goal : value <= goal)

/** The middle of them. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.floor(sorted.length / 2)] ?? 0
}

/** As precise as such a measurement can be. */
function rounded(value: number): number {
  if (Math.abs(value) >= 100) return Math.round(value)
  return Math.round(value * 100) / 100
}
