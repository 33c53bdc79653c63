import type { Interval } from '@mailx/loadtest-tool/meter'
import type { BenchCase } from './bench-case.ts'
import { type Figure, higher, lower } from './figures.ts'
import type { Lab } from './lab.ts'
import { atMost, atRate, measureLoad, outcomeOf } from './measure-load.ts'

const WARM_UP_S = 60
const SHARE = 0.8

/** Minutes at 80 % of what it takes: how much more memory each process holds at the end. */
export const memoryCase: BenchCase = {
  title: 'local, minutes on end at 80 % of the most with sealing inside: memory of each process',
  standard: false,
  async run(lab, { minutes }) {
    const seconds = minutes * 60
    // Nobody can hold ten minutes of sealed messages: sealing is inside, here and there.
    const most = await measureLoad(lab, { ...atMost(20_000), seal: 'inline' })
    const perSecond = Math.round(most.measured.notifiedPerSecond * SHARE)
    lab.say(`    ${perSecond}/s for ${seconds} s`)
    const steady = atRate(WARM_UP_S, [perSecond, WARM_UP_S + seconds])
    const result = await measureLoad(lab, { ...steady, seal: 'inline' })
    const measured = result.intervals.filter(({ at }) => at > WARM_UP_S && at < WARM_UP_S + seconds)
    const figures: Record<string, Figure> = {
      rate: higher(perSecond, '/s'),
      time: higher(minutes, 'min'),
    }
    const overTime: Record<string, number[]> = {}
    for (const name of Object.keys(measured[0]?.processes ?? {})) {
      const { first, last } = ends(measured, name)
      figures[`first minute of ${name}`] = lower(first, 'MiB')
      figures[`growth of ${name}`] = lower(last - first, 'MiB')
      overTime[name] = everyHalfMinute(measured, name)
      tell(lab, name, overTime[name])
    }
    const { details, ...outcome } = outcomeOf(result, figures)
    return { ...outcome, details: { minutes, load: details, rssMiBEvery30Seconds: overTime } }
  },
}

const rssOf = (interval: Interval, name: string): number => interval.processes[name]?.rssMiB ?? 0

/** Means of the first and of the last minute: one moment may be just before or after a collection. */
function ends(intervals: readonly Interval[], name: string) {
  const mean = (some: readonly Interval[]) =>
    some.reduce((sum, interval) => sum + rssOf(interval, name), 0) / Math.max(1, some.length)
  return { first: mean(intervals.slice(0, 60)), last: mean(intervals.slice(-60)) }
}

const everyHalfMinute = (intervals: readonly Interval[], name: string): number[] =>
  intervals
    .filter((_, index) => index % 30 === 0)
    .map((interval) => Math.round(rssOf(interval, name)))

function tell({ say }: Lab, name: string, samples: readonly number[]): void {
  say(`    ${name.padEnd(16)} RSS in MiB, every 30 s: ${samples.join(' ')}`)
}
