import type { LoadPlan } from '@mailx/loadtest-tool/load-plan'
import type { BenchCase } from './bench-case.ts'
import { higher, lower } from './figures.ts'
import {
  atMost,
  atRate,
  type Load,
  latency,
  measureLoad,
  outcomeOf,
  serverCpu,
  throughput,
} from './measure-load.ts'

const sized = (bytes: number): Pick<LoadPlan, 'sizes'> => ({
  sizes: [{ min: bytes, max: bytes, weight: 1 }],
})

type Goals = {
  readonly perSecond?: number
  readonly p99?: number
  readonly cpu?: number
}

const max = (title: string, load: Load, goals: Goals = {}): BenchCase => ({
  title,
  standard: true,
  async run(lab) {
    const result = await measureLoad(lab, load)
    return outcomeOf(result, throughput(result, goals.perSecond))
  },
})

const steady = (title: string, load: Load, goals: Goals = {}): BenchCase => ({
  title,
  standard: true,
  async run(lab) {
    const result = await measureLoad(lab, load)
    return outcomeOf(result, {
      ...latency(result, goals.p99),
      'server CPU': lower(serverCpu(result), 'µs/msg', goals.cpu),
    })
  },
})

const burst: BenchCase = {
  title: 'local, a burst of ten times as much: 300/s, 5 s at 3,000/s, 300/s',
  standard: true,
  async run(lab) {
    const result = await measureLoad(lab, atRate(2, [300, 6], [3000, 5], [300, 7]))
    const backlog = Math.max(...result.intervals.map(({ backlog: own, unheard }) => own + unheard))
    return outcomeOf(result, {
      ...latency(result),
      'longest queue': lower(backlog, 'msgs'),
      'calm again': lower(calmAfter(result.intervals, 11), 's'),
    })
  },
}

/** How long after the burst's end the median was below 50 ms again. */
function calmAfter(
  intervals: readonly { readonly at: number; readonly notify: { readonly p50: number } }[],
  end: number,
): number {
  const restless = intervals.filter(({ at, notify }) => at > end && notify.p50 > 50)
  return Math.max(0, (restless.at(-1)?.at ?? end) - end)
}

const fiveRecipients: BenchCase = {
  title: 'local, five recipients a message, as fast as it goes',
  standard: true,
  async run(lab) {
    const plan = { ...atMost(6_000), recipients: { min: 5, max: 5 } }
    const result = await measureLoad(lab, plan)
    return outcomeOf(result, {
      copies: higher(result.measured.notifiedPerSecond, '/s'),
      messages: higher(result.measured.acceptedPerSecond, '/s'),
    })
  },
}

/** Loads on a running stack. 2 KiB, one recipient, a stream per sender, sealed before, unless they say otherwise. */
export const loadCases: Readonly<Record<string, BenchCase>> = {
  'local-max': max('local, as fast as it goes', atMost(30_000), { perSecond: 6000 }),
  'local-1000': steady('local at 1,000/s', atRate(3, [1000, 13]), { p99: 40 }),
  'local-3000': steady('local at 3,000/s', atRate(3, [3000, 11]), { cpu: 250 }),
  'federated-max': max(
    'federated, as fast as it goes',
    { mode: 'federated', ...atMost(15_000) },
    { perSecond: 3000 },
  ),
  'federated-500': steady(
    'federated at 500/s',
    { mode: 'federated', ...atRate(3, [500, 13]) },
    { p99: 100 },
  ),
  'federated-2000': steady(
    'federated at 2,000/s',
    { mode: 'federated', ...atRate(3, [2000, 11]) },
    { cpu: 550 },
  ),
  burst,
  unary: max('local, a call a message (512 at once) instead of streams', {
    submit: 'unary',
    ...atMost(15_000),
  }),
  sealing: max('local, as fast as it goes, sealing inside', { seal: 'inline', ...atMost(15_000) }),
  '10KiB': max('local, 10 KiB a message, as fast as it goes', {
    ...atMost(10_000),
    ...sized(10_240),
  }),
  '5-recipients': fiveRecipients,
}
