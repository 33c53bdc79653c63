import { largestPowerBelow, nodeHash } from '@mailx/merkle/tree-hash'

export type AuditedTree = {
  readonly root: Uint8Array
  /** The audit path of each leaf, in the order of the leaves. */
  readonly paths: readonly (readonly Uint8Array[])[]
}

/**
 * Root and all audit paths of a tree at once (RFC 6962 §2.1): every node is hashed once, where asking
 * for one path after the other would hash the tree anew for each. One leaf at least.
 */
export function auditPaths(leafHashes: readonly Uint8Array[]): AuditedTree {
  const [only] = leafHashes
  if (only === undefined) throw new RangeError('a tree without leaves has no audit paths')
  if (leafHashes.length === 1) return { root: only, paths: [[]] }
  const middle = largestPowerBelow(leafHashes.length)
  const left = auditPaths(leafHashes.slice(0, middle))
  const right = auditPaths(leafHashes.slice(middle))
  return {
    root: nodeHash(left.root, right.root),
    paths: [
      ...left.paths.map((path) => [...path, right.root]),
      ...right.paths.map((path) => [...path, left.root]),
    ],
  }
}
