import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** A sequence that a seed determines: the same seed, the same load. Not for keys. */
export type Random = {
  /** A whole number from `min` to `max`, both included. */
  int(min: number, max: number): number
  /** From 0 up to, and without, 1. */
  unit(): number
}

export function seededRandom(seed: number): Random {
  const generator = xoroshiro128plus(seed)
  return {
    int: (min, max) => uniformInt(generator, min, max),
    unit: () => uniformFloat64(generator),
  }
}
