import { type Random, seededRandom } from '@mailx/loadtest-tool/random'
import type { Fault, Group } from './fault.ts'

export type Scheduled = {
  readonly fault: Fault
  /** Decides everything that is random within it: the same one however many others come before. */
  readonly seed: number
}

/** Which faults of a group in which order: the same for the same seed. */
export function scheduleOf(
  { faults }: Group,
  options: {
    readonly seed: number
    readonly long: boolean
    readonly chosen: (fault: Fault) => boolean
  },
): readonly Scheduled[] {
  const { chosen, long, seed } = options
  const all = faults.flatMap((fault) =>
    Array.from({ length: long ? (fault.rounds ?? 1) : 1 }, (_, round) => ({
      fault,
      seed: hash(`${seed} ${fault.name} ${round}`),
    })),
  )
  return shuffled(all, seededRandom(seed)).filter(({ fault }) => chosen(fault))
}

function shuffled<One>(all: readonly One[], random: Random): readonly One[] {
  return all
    .map((one) => ({ one, at: random.unit() }))
    .toSorted((a, b) => a.at - b.at)
    .map(({ one }) => one)
}

/** FNV-1a. */
function hash(text: string): number {
  let value = 0x811c9dc5
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193)
  return value | 0
}
