import { expect, test } from 'vitest'
import { inclusionProof } from './inclusion-proof.ts'
import { inclusionProofs } from './inclusion-proofs.ts'
import { leafHash, rootOf } from './tree-hash.ts'

test.each([0, 1, 2, 3, 5, 8, 33, 64])(
  'all proofs of %i leaves are those made one by one',
  (size) => {
    const leaves = Array.from({ length: size }, (_, n) => leafHash(Uint8Array.of(n)))
    const { proofs, root } = inclusionProofs(leaves)
    expect(root).toEqual(rootOf(leaves))
    expect(proofs).toEqual(leaves.map((_, index) => inclusionProof(leaves, index)))
  },
)
