import type { Outcome } from './figures.ts'
import type { Lab } from './lab.ts'

/** One thing that is measured. */
export type BenchCase = {
  readonly title: string
  /** Part of every run; others only when they are asked for. */
  readonly standard: boolean
  run(lab: Lab): Promise<Outcome>
}
