import { equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { largestPowerBelow, nodeHash, rootOf } from './tree-hash.ts'

/**
 * The audit path of leaf `index`, from the leaf upwards (RFC 6962 §2.1.1). Throws INVALID_ARGUMENT when
 * there is no such leaf.
 */
export function inclusionProof(leafHashes: readonly Uint8Array[], index: number): Uint8Array[] {
  if (!Number.isInteger(index) || index < 0 || index >= leafHashes.length) {
    throw new MailxError('INVALID_ARGUMENT', `there is no leaf ${index} among ${leafHashes.length}`)
  }
  if (leafHashes.length === 1) return []
  const split = largestPowerBelow(leafHashes.length)
  return index < split
    ? [...inclusionProof(leafHashes.slice(0, split), index), rootOf(leafHashes.slice(split))]
    : [
        ...inclusionProof(leafHashes.slice(split), index - split),
        rootOf(leafHashes.slice(0, split)),
      ]
}

export type InclusionClaim = {
  readonly leafHash: Uint8Array
  readonly index: number
  readonly size: number
  readonly root: Uint8Array
  readonly proof: readonly Uint8Array[]
}

/** Whether the leaf stands at `index` of the tree (RFC 9162 §2.1.3.2). False on any malformed claim. */
export function verifyInclusion({ leafHash, index, size, root, proof }: InclusionClaim): boolean {
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size)) return false
  if (index < 0 || index >= size || ![leafHash, root, ...proof].every(isHash)) return false
  let node = index
  let last = size - 1
  let hash = leafHash
  for (const sibling of proof) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      hash = nodeHash(sibling, hash)
      while (node % 2 === 0 && node !== 0) {
        node /= 2
        last = Math.floor(last / 2)
      }
    } else {
      hash = nodeHash(hash, sibling)
    }
    node = Math.floor(node / 2)
    last = Math.floor(last / 2)
  }
  return last === 0 && equal(hash, root)
}

const isHash = (bytes: Uint8Array) => bytes.length === 32
