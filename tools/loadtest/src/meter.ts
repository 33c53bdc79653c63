import { build, type Histogram } from 'hdr-histogram-js'

/** Milliseconds. */
export type Percentiles = {
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly p999: number
  readonly max: number
}

/** What happened in one second of the run, and how things stood at its end. */
export type Interval = {
  /** Seconds since the start of the run. */
  readonly at: number
  readonly due: number
  readonly sent: number
  readonly accepted: number
  readonly refused: number
  readonly notified: number
  /** Messages that are due and neither accepted nor refused. */
  readonly backlog: number
  /** Copies of accepted messages of which the recipient has not heard. */
  readonly unheard: number
  readonly accept: Percentiles
  readonly notify: Percentiles
  /** How many notifications by latency; see `bucketEdges`. */
  readonly buckets: readonly number[]
  readonly processes: Readonly<Record<string, ProcessUse>>
}

export type ProcessUse = { readonly cpuPercent: number; readonly rssMiB: number }

// Microseconds. What takes over ten minutes counts as ten minutes.
const LONGEST = 600_000_000
const PER_OCTAVE = 4
const FIRST_EDGE_US = 250
const EDGES = 22 * PER_OCTAVE

/** The lower edges of the latency buckets, in milliseconds; four to a doubling, from 0.25 ms on. */
export const bucketEdges: readonly number[] = Array.from(
  { length: EDGES },
  (_, index) => (FIRST_EDGE_US * 2 ** (index / PER_OCTAVE)) / 1000,
)

export const bucketOf = (micros: number): number =>
  Math.min(EDGES - 1, Math.max(0, Math.floor(Math.log2(micros / FIRST_EDGE_US) * PER_OCTAVE)))

export const noBuckets = (): number[] => Array.from({ length: EDGES }, () => 0)
const histogram = () => build({ highestTrackableValue: LONGEST, numberOfSignificantValueDigits: 3 })

/** Latencies of one kind: of the whole measured time, and of the interval that runs. */
export function latencies() {
  const whole = histogram()
  const interval = histogram()
  let buckets = noBuckets()
  return {
    record(ms: number, isMeasured: boolean) {
      const micros = Math.min(LONGEST, Math.max(1, Math.round(ms * 1000)))
      interval.recordValue(micros)
      const bucket = bucketOf(micros)
      buckets[bucket] = (buckets[bucket] ?? 0) + 1
      if (isMeasured) whole.recordValue(micros)
    },
    /** Of the interval that runs; with `next` another one begins. */
    interval(next: boolean) {
      const taken = { percentiles: percentilesOf(interval), buckets }
      if (next) {
        interval.reset()
        buckets = noBuckets()
      }
      return taken
    },
    get count() {
      return whole.totalCount
    },
    get whole() {
      return percentilesOf(whole)
    },
  }
}

export function percentilesOf(of: Histogram): Percentiles {
  const at = (percentile: number) =>
    of.totalCount === 0 ? 0 : toMs(of.getValueAtPercentile(percentile))
  return {
    p50: at(50),
    p90: at(90),
    p99: at(99),
    p999: at(99.9),
    max: of.totalCount === 0 ? 0 : toMs(of.maxValue),
  }
}

const toMs = (micros: number) => Math.round(micros / 10) / 100
