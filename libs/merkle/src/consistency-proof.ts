import { equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { largestPowerBelow, nodeHash, rootOf } from './tree-hash.ts'

/**
 * Proof that the tree of all leaves extends the tree of the first `size1` (RFC 6962 §2.1.2). Empty for
 * the empty tree. Throws INVALID_ARGUMENT when there are fewer leaves.
 */
export function consistencyProof(leafHashes: readonly Uint8Array[], size1: number): Uint8Array[] {
  if (!Number.isInteger(size1) || size1 < 0 || size1 > leafHashes.length) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      `there is no tree of ${size1} leaves in one of ${leafHashes.length}`,
    )
  }
  return size1 === 0 ? [] : subproof(leafHashes, size1, true)
}

function subproof(leaves: readonly Uint8Array[], size1: number, known: boolean): Uint8Array[] {
  if (size1 === leaves.length) return known ? [] : [rootOf(leaves)]
  const split = largestPowerBelow(leaves.length)
  return size1 <= split
    ? [...subproof(leaves.slice(0, split), size1, known), rootOf(leaves.slice(split))]
    : [...subproof(leaves.slice(split), size1 - split, false), rootOf(leaves.slice(0, split))]
}

export type ConsistencyClaim = {
  readonly size1: number
  readonly size2: number
  readonly root1: Uint8Array
  readonly root2: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/**
 * Whether the second tree extends the first (RFC 9162 §2.1.4.2). An empty first tree is extended by
 * every tree, with an empty proof. False on any malformed claim.
 */
export function verifyConsistency({
  size1,
  size2,
  root1,
  root2,
  proof,
}: ConsistencyClaim): boolean {
  if (!Number.isSafeInteger(size1) || !Number.isSafeInteger(size2)) return false
  if (size1 < 0 || size1 > size2) return false
  if (![root1, root2, ...proof].every((hash) => hash.length === 32)) return false
  if (size1 === size2 && !equal(root1, root2)) return false
  if (size1 === 0) return proof.length === 0 && equal(root1, rootOf([]))
  if (size1 === size2) return proof.length === 0
  let node = size1 - 1
  let last = size2 - 1
  while (node % 2 === 1) {
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  const [first, ...rest] = node === 0 ? [root1, ...proof] : proof
  if (first === undefined) return false
  let hash1 = first
  let hash2 = first
  for (const sibling of rest) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      hash1 = nodeHash(sibling, hash1)
      hash2 = nodeHash(sibling, hash2)
      while (node % 2 === 0 && node !== 0) {
        node /= 2
        last = Math.floor(last / 2)
      }
    } else {
      hash2 = nodeHash(hash2, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && equal(hash1, root1) && equal(hash2, root2)
}
