import { MailxError } from '@mailx/errors/mailx-error'
import type { Circle } from '@mailx/loadtest-tool/circles'
import { defaultPlan, type LoadPlan } from '@mailx/loadtest-tool/load-plan'
import type { LoadResult } from '@mailx/loadtest-tool/load-result'
import type { Person } from '@mailx/loadtest-tool/people'
import { intervalLine } from '@mailx/loadtest-tool/progress'
import { runLoad } from '@mailx/loadtest-tool/run-load'
import { type Figures, higher, lower, type Outcome } from './figures.ts'
import { type Lab, peopleOf } from './lab.ts'

export type Load = Partial<LoadPlan> & { readonly writing?: readonly Circle<Person>[] }

/** Runs a load on the lab's stack. Rejects when a message was refused, or somebody did not hear of one. */
export async function measureLoad(lab: Lab, load: Load): Promise<LoadResult> {
  const { writing, ...plan } = load
  await lab.ready()
  const result = await runLoad({
    people: plan.mode === 'federated' ? lab.people : peopleOf(lab, lab.domains[0] ?? ''),
    plan: { ...defaultPlan, drainMs: 60_000, ...plan },
    watch: lab.watch,
    onInterval: (interval) => lab.say(`    ${intervalLine(interval)}`),
    ...(writing && { writing }),
  })
  const { refused, unresolved, unheard, sent } = result
  if (refused + unresolved + unheard > 0) {
    throw new MailxError(
      'INTERNAL',
      `of ${sent} messages ${refused} were refused, ${unresolved} unanswered, ${unheard} copies not notified`,
    )
  }
  return result
}

const AT_MOST_MS = 12_000

/**
 * As fast as it goes, for so many messages, or as many as leave in twelve seconds; a few hundred are
 * always on their way.
 */
export const atMost = (count: number): Pick<LoadPlan, 'pace' | 'inFlight'> => ({
  pace: { kind: 'max', ms: AT_MOST_MS, count },
  inFlight: 512,
})

/** An open loop with steps of a rate a second for so many seconds; the first `warmup` of them in no figure. */
export const atRate = (
  warmup: number,
  ...steps: readonly (readonly [perSecond: number, seconds: number])[]
): Pick<LoadPlan, 'pace' | 'warmupMs'> => ({
  pace: {
    kind: 'steps',
    spacing: 'poisson',
    steps: steps.map(([perSecond, seconds]) => ({ perSecond, ms: seconds * 1000 })),
  },
  warmupMs: warmup * 1000,
})

/** All CPU but this program's own. */
export const serverCpu = ({ measured }: LoadResult): number =>
  Object.entries(measured.cpuPerMessage)
    .filter(([name]) => name !== 'load generator')
    .reduce((sum, [, micros]) => sum + micros, 0)

/** What a load found, with more figures of the case. */
export function outcomeOf(result: LoadResult, figures: Figures): Outcome {
  const { plan, measured } = result
  const { cpuPerMessage, ...others } = measured
  return {
    figures: {
      ...figures,
      'server CPU': figures['server CPU'] ?? lower(serverCpu(result), 'µs/msg'),
    },
    cpuMicrosPerMessage: cpuPerMessage,
    details: { plan, ...others },
  }
}

export const throughput = (result: LoadResult, goal?: number): Figures => ({
  notified: higher(result.measured.notifiedPerSecond, '/s', goal),
})

export const latency = ({ measured }: LoadResult, goal?: number): Figures => ({
  'p50 submit → notified': lower(measured.submitToNotifiedMs.p50, 'ms'),
  'p99 submit → notified': lower(measured.submitToNotifiedMs.p99, 'ms', goal),
})
