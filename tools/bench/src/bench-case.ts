import type { Outcome } from './figures.ts'
import type { Lab } from './lab.ts'

export type CaseOptions = {
  /** How long a case takes that has no length of its own. */
  readonly minutes: number
}

/** One thing that is measured. */
export type BenchCase = {
  readonly title: string
  /** Part of every run; others only when they are asked for. */
  readonly standard: boolean
  run(lab: Lab, options: CaseOptions): Promise<Outcome>
}
