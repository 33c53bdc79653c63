import { type Interval, noBuckets } from '../meter.ts'

/** One or more intervals of a run, side by side on the page as one. */
export type Column = {
  /** Seconds since the start of the run. */
  readonly from: number
  readonly to: number
  /** How many intervals. */
  readonly merged: number
  /** A second. */
  readonly sent: number
  readonly accepted: number
  readonly notified: number
  /** The most of any of the intervals. */
  readonly backlog: number
  readonly unheard: number
  readonly p50: number
  readonly p99: number
  /** Sums. */
  readonly buckets: readonly number[]
}

/** At most `max` columns: more could not be told apart. */
export function columnsOf(intervals: readonly Interval[], max: number): Column[] {
  const perColumn = Math.max(1, Math.ceil(intervals.length / max))
  const columns: Column[] = []
  let from = 0
  for (let first = 0; first < intervals.length; first += perColumn) {
    const some = intervals.slice(first, first + perColumn)
    const to = some.at(-1)?.at ?? from
    if (to <= from) continue
    columns.push(columnOf(some, from, to))
    from = to
  }
  return columns
}

function columnOf(some: readonly Interval[], from: number, to: number): Column {
  const rate = (count: (interval: Interval) => number) =>
    some.reduce((sum, interval) => sum + count(interval), 0) / (to - from)
  const most = (value: (interval: Interval) => number) => Math.max(...some.map(value))
  const heard = some.reduce((sum, { notified }) => sum + notified, 0)
  const buckets = noBuckets()
  for (const interval of some) {
    for (const [index, count] of interval.buckets.entries()) {
      buckets[index] = (buckets[index] ?? 0) + count
    }
  }
  return {
    from,
    to,
    merged: some.length,
    sent: rate(({ sent }) => sent),
    accepted: rate(({ accepted }) => accepted),
    notified: rate(({ notified }) => notified),
    backlog: most(({ backlog }) => backlog),
    unheard: most(({ unheard }) => unheard),
    p50: some.reduce((sum, { notify, notified }) => sum + notify.p50 * notified, 0) / (heard || 1),
    p99: most(({ notify }) => notify.p99),
    buckets,
  }
}
