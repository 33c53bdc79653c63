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
    const end = from + ms
    if (spacing === 'fixed') {
      // Not one gap after the other: their rounding errors would add up.
      for (let count = 0; ; count++) {
        const at = from + (count * 1000) / perSecond
        if (at >= end) break
        yield at
      }
    } else {
      const gap = () => (-Math.log(1 - random.unit()) * 1000) / perSecond
      for (let at = from + gap(); at < end; at += gap()) yield at
    }
    from = end
  }
}

export const lengthOf = (steps: readonly RateStep[]): number =>
  steps.reduce((sum, { ms }) => sum + ms, 0)

/** How many messages the steps make, on average. */
export const expectedCount = (steps: readonly RateStep[]): number =>
  Math.round(steps.reduce((sum, { perSecond, ms }) => sum + (perSecond * ms) / 1000, 0))
