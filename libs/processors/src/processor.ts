import type { Follower } from './follower.ts'
import type { Projection } from './projection.ts'
import type { Reactor } from './reactor.ts'

/** One of the three, with its kind written down. */
export type Processor =
  | { readonly kind: 'projection'; readonly of: Projection }
  | { readonly kind: 'reactor'; readonly of: Reactor }
  | { readonly kind: 'follower'; readonly of: Follower }

export type Processors = {
  readonly projections?: readonly Projection[]
  readonly reactors?: readonly Reactor[]
  readonly followers?: readonly Follower[]
}

/** All of them in one list. Throws on names that are unfit or used twice. */
export function processorsOf(all: Processors): Processor[] {
  const processors: Processor[] = [
    ...(all.projections ?? []).map((of) => ({ kind: 'projection', of }) as const),
    ...(all.reactors ?? []).map((of) => ({ kind: 'reactor', of }) as const),
    ...(all.followers ?? []).map((of) => ({ kind: 'follower', of }) as const),
  ]
  const seen = new Set<string>()
  for (const { of } of processors) {
    if (!/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(of.name)) {
      throw new Error(`a processor is named <service>.<what>, in lower case, not ${of.name}`)
    }
    if (seen.has(of.name)) throw new Error(`two processors are named ${of.name}`)
    seen.add(of.name)
  }
  return processors
}
