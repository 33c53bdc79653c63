import type { RateStep, Spacing } from './arrivals.ts'
import type { Mode } from './circles.ts'
import type { Sizes } from './sizes.ts'
import type { SubmitWay } from './submit-way.ts'

/** What a run does. */
export type LoadPlan = {
  readonly mode: Mode
  readonly pace:
    | { readonly kind: 'steps'; readonly steps: readonly RateStep[]; readonly spacing: Spacing }
    /** As fast as it goes, until the time is up or so many messages were sent. */
    | { readonly kind: 'max'; readonly ms: number; readonly count: number }
  /** Messages due earlier are sent, but are in no figure. */
  readonly warmupMs: number
  readonly recipients: { readonly min: number; readonly max: number }
  readonly sizes: Sizes
  readonly submit: SubmitWay
  /** Which share of the messages that go by calls have an attachment, which is uploaded before. */
  readonly attached: number
  /** `ahead`: before the run begins. `inline`: when a message is due, as part of its latency. */
  readonly seal: 'ahead' | 'inline'
  /** No more than so many messages are without an answer; others wait, and their time runs. */
  readonly inFlight: number
  readonly seed: number
  /** How long to wait, after the last message, for answers and notifications. */
  readonly drainMs: number
  /** A connection that answers nothing for so long is given up. */
  readonly answerWithinMs: number
}

/** What a plan has that says nothing else. */
export const defaultPlan: LoadPlan = {
  mode: 'local',
  pace: { kind: 'steps', steps: [{ perSecond: 100, ms: 10_000 }], spacing: 'poisson' },
  warmupMs: 0,
  recipients: { min: 1, max: 1 },
  sizes: [{ min: 2048, max: 2048, weight: 1 }],
  submit: 'stream',
  attached: 0,
  seal: 'ahead',
  inFlight: 100_000,
  seed: 1,
  drainMs: 30_000,
  answerWithinMs: 15_000,
}
