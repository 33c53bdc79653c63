/** Consecutive positions. */
export type Range = { readonly first: bigint; readonly last: bigint }

/**
 * What this process has published beyond the mark in Postgres, per partition: ranges in order that do
 * not touch. The mark can only move over the first one, and only when that one continues it.
 */
export type PublishedRanges = {
  add(partition: string, range: Range): void
  /** The lowest range of each partition. */
  lowest(): readonly (Range & { readonly partition: string })[]
  /** Forgets everything up to a position. */
  forget(partition: string, upTo: bigint): void
}

/** Beyond this somebody else's batch is missing for long: the sweep publishes it all again anyway. */
const MAX_RANGES = 1000

export function publishedRanges(): PublishedRanges {
  const ranges = new Map<string, Range[]>()
  return {
    add(partition, range) {
      const existing = ranges.get(partition) ?? []
      ranges.set(partition, merge([...existing, range]).slice(0, MAX_RANGES))
    },
    lowest: () =>
      [...ranges].flatMap(([partition, [range]]) =>
        range === undefined ? [] : [{ partition, ...range }],
      ),
    forget(partition, upTo) {
      const rest = (ranges.get(partition) ?? []).filter(({ last }) => last > upTo)
      ranges.set(partition, rest)
    },
  }
}

function merge(ranges: Range[]): Range[] {
  const merged: Range[] = []
  for (const range of ranges.toSorted((a, b) => (a.first < b.first ? -1 : 1))) {
    const previous = merged.at(-1)
    if (previous === undefined || range.first > previous.last + 1n) merged.push(range)
    else if (range.last > previous.last) {
      merged[merged.length - 1] = { first: previous.first, last: range.last }
    }
  }
  return merged
}
