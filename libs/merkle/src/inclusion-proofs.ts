import { largestPowerBelow, nodeHash, rootOf } from './tree-hash.ts'

export type ProvedTree = {
  readonly root: Uint8Array
  /** The audit path of each leaf, in the order of the leaves. */
  readonly proofs: readonly (readonly Uint8Array[])[]
}

/** Root and all audit paths at once: every node is hashed once, not once for each leaf. */
export function inclusionProofs(leafHashes: readonly Uint8Array[]): ProvedTree {
  const [only] = leafHashes
  if (only === undefined) return { root: rootOf([]), proofs: [] }
  if (leafHashes.length === 1) return { root: only, proofs: [[]] }
  const split = largestPowerBelow(leafHashes.length)
  const left = inclusionProofs(leafHashes.slice(0, split))
  const right = inclusionProofs(leafHashes.slice(split))
  return {
    root: nodeHash(left.root, right.root),
    proofs: [
      ...left.proofs.map((path) => [...path, right.root]),
      ...right.proofs.map((path) => [...path, left.root]),
    ],
  }
}
