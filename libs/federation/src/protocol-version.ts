/** The versions of the peer protocol that this software speaks. */
export const protocolVersions = { min: 1, max: 1 } as const

export type VersionRange = { readonly min: number; readonly max: number }

/** The highest version that both ranges hold, or undefined where they do not meet. */
export function highestCommonVersion(ours: VersionRange, theirs: VersionRange): number | undefined {
  const highest = Math.min(ours.max, theirs.max)
  return highest >= Math.max(ours.min, theirs.min) ? highest : undefined
}
