import { inclusionProof } from '@mailx/merkle/inclusion-proof'
import { leafHash, rootOf } from '@mailx/merkle/tree-hash'
import { expect, test } from 'vitest'
import { auditPaths } from './audit-paths.ts'

test.each([1, 2, 3, 4, 5, 7, 8, 9, 63, 64])(
  'the paths of %i leaves are the proofs of each',
  (size) => {
    const leaves = Array.from({ length: size }, (_, at) => leafHash(Uint8Array.of(at)))
    const { paths, root } = auditPaths(leaves)
    expect(root).toEqual(rootOf(leaves))
    expect(paths).toEqual(leaves.map((_, index) => inclusionProof(leaves, index)))
  },
)

test('a tree without leaves has none', () => {
  expect(() => auditPaths([])).toThrow(RangeError)
})
