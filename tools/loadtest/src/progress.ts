import type { Interval, ProcessUse } from './meter.ts'
import { LOAD_GENERATOR } from './proc-watch.ts'

/** Shows how a run goes: one line that is redrawn on a terminal, a line every few seconds elsewhere. */
export type Progress = {
  say(line: string): void
  interval(interval: Interval): void
  count(what: string): (done: number, total: number) => void
}

const QUIET_EVERY_S = 5

export function progress(stream: NodeJS.WriteStream, quiet: boolean): Progress {
  const redraws = stream.isTTY
  let drawn = false
  let shownAt = 0
  const say = (line: string) => {
    if (quiet) return
    stream.write(drawn ? `\n${line}\n` : `${line}\n`)
    drawn = false
  }
  const draw = (line: string) => {
    stream.write(`\r${line}\u001b[K`)
    drawn = true
  }
  return {
    say,
    interval(interval) {
      if (quiet) return
      if (redraws) draw(intervalLine(interval))
      else if (interval.at - shownAt >= QUIET_EVERY_S - 0.5) {
        shownAt = interval.at
        say(intervalLine(interval))
      }
    },
    count: (what) => (done, total) => {
      if (quiet) return
      if (redraws) draw(`${what} ${done} of ${total}`)
      else if (done === total) say(`${what} ${total}`)
    },
  }
}

export function intervalLine(interval: Interval): string {
  const { at, sent, accepted, notified, notify, backlog, unheard } = interval
  return [
    `${at.toFixed(0).padStart(4)} s`,
    `${whole(sent)} sent/s`,
    `${whole(accepted)} accepted/s`,
    `${whole(notified)} notified/s`,
    `p50 ${notify.p50.toFixed(1)} ms`,
    `p99 ${notify.p99.toFixed(1)} ms`,
    `backlog ${whole(backlog)}`,
    `unheard ${whole(unheard)}`,
    ...useOf(interval.processes),
  ].join('  ')
}

/** Of this program, and of all others that are watched together. */
function useOf(processes: Interval['processes']): string[] {
  const { [LOAD_GENERATOR]: own, ...others } = processes
  const together = Object.values(others).reduce(
    (sum, { cpuPercent, rssMiB }) => ({
      cpuPercent: sum.cpuPercent + cpuPercent,
      rssMiB: sum.rssMiB + rssMiB,
    }),
    { cpuPercent: 0, rssMiB: 0 },
  )
  return [
    ...(own === undefined ? [] : [`${LOAD_GENERATOR} ${shown(own)}`]),
    ...(Object.keys(others).length === 0 ? [] : [`servers ${shown(together)}`]),
  ]
}

const shown = ({ cpuPercent, rssMiB }: ProcessUse) =>
  `${cpuPercent.toFixed(0)} % ${whole(Math.round(rssMiB))} MiB`

const whole = (value: number) => value.toLocaleString('en-US')
