import type { Random } from './random.ts'

/** `perSecond` messages a second for so long. */
export type RateStep = { readonly perSecond: number; readonly ms: number }

export type Spacing = 'poisson' | 'fixed'

/**
 * When messages are due, in milliseconds from the start, in order; it ends with the last step.
 * `poisson`: independent arrivals, as of many people who know nothing of each other. `fixed`: evenly
 * spaced. Nothing here depends on how fast a server answers.
 */
export function* arrivals(
  steps: readonly RateStep[],
  spacing: Spacing,
  random: Random,
): Generator<number> {
  let from = 0
  for (const { perSecond, ms } of steps) {
    const mean = 1000 / perSecond
    const gap = spacing === 'fixed' ? () => mean : () => -Math.log(1 - random.unit()) * mean
    let at = from + (spacing === 'fixed' ? 0 : gap())
    while (at < from + ms) {
      yield at
      at += gap()
    }
    from += ms
  }
}

export const lengthOf = (steps: readonly RateStep[]): number =>
  steps.reduce((sum, { ms }) => sum + ms, 0)

/** How many messages the steps make, on average. */
export const expectedCount = (steps: readonly RateStep[]): number =>
  Math.round(steps.reduce((sum, { perSecond, ms }) => sum + (perSecond * ms) / 1000, 0))
