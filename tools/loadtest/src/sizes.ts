import { parseBytes } from './parse-bytes.ts'
import type { Random } from './random.ts'

/** One kind of message: `weight` of all weights of them have from `min` to `max` bytes. */
export type SizeClass = { readonly min: number; readonly max: number; readonly weight: number }

export type Sizes = readonly [SizeClass, ...SizeClass[]]

/**
 * Reads `2k` (all of that size), `1k..10k` (evenly between) or `2k:90,100k:10` (weighted; ranges may
 * be weighted, too). undefined for anything else.
 */
export function parseSizes(text: string): Sizes | undefined {
  const classes: SizeClass[] = []
  for (const part of text.split(',')) {
    const [, low = '', , high = low, , weight = '1'] =
      /^(\w+)(\.\.(\w+))?(:(\d{1,6}))?$/.exec(part.trim()) ?? []
    const min = parseBytes(low)
    const max = parseBytes(high)
    if (min === undefined || max === undefined || max < min || Number(weight) < 1) return undefined
    classes.push({ min, max, weight: Number(weight) })
  }
  const [first, ...rest] = classes
  return first && [first, ...rest]
}

/** Draws a size in bytes. */
export function drawSize(sizes: Sizes, random: Random): number {
  const [only, ...others] = sizes
  if (others.length === 0) return within(only, random)
  const total = sizes.reduce((sum, { weight }) => sum + weight, 0)
  let at = random.unit() * total
  for (const one of sizes) {
    at -= one.weight
    if (at < 0) return within(one, random)
  }
  return within(only, random)
}

const within = ({ min, max }: SizeClass, random: Random) =>
  min === max ? min : random.int(min, max)
