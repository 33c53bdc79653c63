/** The candidate that `name` was probably meant to be: one slip away, two in a long name. */
export function nearestName(name: string, candidates: readonly string[]): string | undefined {
  const allowed = name.length >= 10 ? 2 : 1
  let nearest: string | undefined
  let best = allowed + 1
  for (const candidate of candidates) {
    if (candidate.length < 6 || Math.abs(candidate.length - name.length) > allowed) continue
    const slips = editDistance(name, candidate)
    if (slips < best) {
      best = slips
      nearest = candidate
    }
  }
  return nearest
}

/** Insertions, deletions, substitutions and swaps of neighbours (optimal string alignment). */
export function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let i = 1; i <= left.length; i++) {
    const current = [i]
    for (let j = 1; j <= right.length; j++) {
      const same = left[i - 1] === right[j - 1]
      let cost = Math.min(
        at(previous, j) + 1,
        at(current, j - 1) + 1,
        at(previous, j - 1) + (same ? 0 : 1),
      )
      const swapped = i > 1 && j > 1 && left[i - 1] === right[j - 2] && left[i - 2] === right[j - 1]
      if (swapped) cost = Math.min(cost, at(beforePrevious, j - 2) + 1)
      current.push(cost)
    }
    beforePrevious = previous
    previous = current
  }
  return at(previous, right.length)
}

const at = (row: readonly number[], index: number): number => row[index] ?? Number.MAX_SAFE_INTEGER
