import type { Refusal } from './watch-load.ts'

/** A fault, from when it was injected to when the next one was. */
type During = { readonly began: number; readonly mayRefuse: boolean }

/** Refusals by code that no fault under way explains. `faults` are in the order in which they were injected. */
export function unexplained(
  refusals: readonly Refusal[],
  faults: readonly During[],
): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { at, code } of refusals) {
    const fault = faults.findLast(({ began }) => began <= at)
    if (fault?.mayRefuse !== true) counts[code] = (counts[code] ?? 0) + 1
  }
  return counts
}
