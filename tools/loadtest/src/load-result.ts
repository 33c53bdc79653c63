import type { Lateness } from './lateness.ts'
import type { LoadPlan } from './load-plan.ts'
import type { Interval, Percentiles } from './meter.ts'

/** What a run found. Rates and latencies are of the messages that were due after the warm-up. */
export type LoadResult = {
  readonly runId: string
  readonly startedAt: string
  readonly users: number
  readonly plan: LoadPlan
  readonly sent: number
  readonly accepted: number
  readonly refused: number
  readonly refusals: Readonly<Record<string, number>>
  /** Neither accepted nor refused when the time was up. */
  readonly unresolved: number
  /** Copies of accepted messages, and those whose recipients have not heard of them. */
  readonly copies: number
  readonly unheard: number
  /** Messages that were handed over again, and why, by code. */
  readonly resent: number
  readonly troubles: Readonly<Record<string, number>>
  readonly measured: {
    readonly messages: number
    /** From the end of the warm-up to the last notification. */
    readonly seconds: number
    readonly acceptedPerSecond: number
    readonly notifiedPerSecond: number
    readonly submitToAcceptedMs: Percentiles
    readonly submitToNotifiedMs: Percentiles
    /** How well an open loop kept its times. */
    readonly late: Lateness
    /** Microseconds by process. */
    readonly cpuPerMessage: Readonly<Record<string, number>>
    /** What the hypervisor gave to others, of all CPU time. */
    readonly stealPercent: number
  }
  readonly intervals: readonly Interval[]
}
