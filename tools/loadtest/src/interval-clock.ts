import type { Interval, ProcessUse } from './meter.ts'
import type { Usages, Watch } from './processes.ts'
import type { Tracker } from './tracker.ts'

const INTERVAL_MS = 1_000

/** Takes down once a second what happened in it. */
export function intervalClock(options: {
  readonly track: Tracker
  /** When messages are due, for an open loop; empty when they are due when they are sent. */
  readonly times: readonly number[]
  readonly now: () => number
  readonly watch: Watch
  readonly onInterval: ((interval: Interval) => void) | undefined
}) {
  const { track, times, now, watch, onInterval } = options
  const intervals: Interval[] = []
  let before = { ...track.counts }
  let dueBefore = 0
  let usage: { readonly at: number; readonly of: Usages } | undefined
  let taking: Promise<void> | undefined

  const timer = setInterval(() => {
    taking ??= take().finally(() => {
      taking = undefined
    })
  }, INTERVAL_MS)
  void watch().then((of) => {
    usage ??= { at: now(), of }
  })

  return {
    async stop(): Promise<readonly Interval[]> {
      clearInterval(timer)
      await taking
      await take()
      return intervals
    },
  }

  async function take(): Promise<void> {
    const at = now()
    const { counts } = track
    const due = times.length > 0 ? countUntil(times, at, dueBefore) : counts.sent
    const notify = track.notify.interval(true)
    const accept = track.accept.interval(true)
    const happened = {
      at: Math.round(at / 100) / 10,
      due: due - dueBefore,
      sent: counts.sent - before.sent,
      accepted: counts.accepted - before.accepted,
      refused: counts.refused - before.refused,
      notified: counts.notified - before.notified,
      backlog: due - counts.accepted - counts.refused,
      unheard: track.unheard(),
      accept: accept.percentiles,
      notify: notify.percentiles,
      buckets: notify.buckets,
    }
    before = { ...counts }
    dueBefore = due
    const of = await watch()
    const interval = { ...happened, processes: usage ? useOf(usage, { at, of }) : {} }
    usage = { at, of }
    intervals.push(interval)
    onInterval?.(interval)
  }
}

function countUntil(times: readonly number[], at: number, from: number): number {
  let count = from
  while (count < times.length && (times[count] ?? 0) <= at) count += 1
  return count
}

type Sample = { readonly at: number; readonly of: Usages }

function useOf(before: Sample, after: Sample): Record<string, ProcessUse> {
  const micros = Math.max(1, (after.at - before.at) * 1000)
  const use = Object.entries(after.of).map(([name, { cpuMicros, rssBytes }]) => {
    const used = cpuMicros - (before.of[name]?.cpuMicros ?? cpuMicros)
    return [
      name,
      {
        cpuPercent: Math.round((used / micros) * 1000) / 10,
        rssMiB: Math.round(rssBytes / 1024 / 102.4) / 10,
      },
    ] as const
  })
  return Object.fromEntries(use)
}
