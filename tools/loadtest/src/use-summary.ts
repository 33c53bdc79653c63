import type { LoadResult } from './load-result.ts'
import type { Interval } from './meter.ts'

/** Most resident memory of each process in any interval, in MiB. */
export function peakRss(intervals: readonly Interval[]): Record<string, number> {
  const peaks: Record<string, number> = {}
  for (const { processes } of intervals) {
    for (const [name, { rssMiB }] of Object.entries(processes)) {
      peaks[name] = Math.max(peaks[name] ?? 0, rssMiB)
    }
  }
  return peaks
}

/** What the run took of its machines, and how well it kept its times, for people. */
export function useSummary({ intervals, measured, plan }: LoadResult): string {
  const peaks = Object.entries(peakRss(intervals)).map(
    ([name, peak]) => `${name} ${Math.round(peak)}`,
  )
  const { overMs, messages, longestMs } = measured.late
  const late =
    plan.pace.kind === 'max'
      ? []
      : [
          line(
            'left late',
            `${messages.toLocaleString('en-US')} of ${measured.messages.toLocaleString('en-US')} by more than ${overMs} ms, the latest by ${longestMs} ms`,
          ),
        ]
  return [...(peaks.length > 0 ? [line('peak MiB', peaks.join(', '))] : []), ...late].join('\n')
}

const line = (name: string, value: string) => `${name.padEnd(20)}${value}`
