const OTHER = 'other'

/**
 * Values of a label that somebody else chooses, such as names of peers: the first `most` that are seen
 * keep their names, all others are one. A series never changes its name while the process lives.
 */
export function cappedLabel(most: number): (value: string) => string {
  const named = new Set<string>()
  return (value) => {
    if (named.has(value)) return value
    if (named.size >= most) return OTHER
    named.add(value)
    return value
  }
}

/** Of all metrics of the process that tell peers apart. */
export const peerLabel = cappedLabel(100)

/** Of all metrics of the process that tell hosted domains apart. */
export const domainLabel = cappedLabel(500)
