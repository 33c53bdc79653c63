import { concat } from '@mailx/crypto/encoding'
import { sha256 } from '@mailx/crypto/hash'

const LEAF = new Uint8Array([0])
const NODE = new Uint8Array([1])

/** SHA-256(0x00 || leaf), RFC 6962 §2.1. */
export const leafHash = (leaf: Uint8Array): Uint8Array => sha256(concat(LEAF, leaf))

/** SHA-256(0x01 || left || right), RFC 6962 §2.1. */
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array =>
  sha256(concat(NODE, left, right))

/** The Merkle tree hash of leaves given by their hashes; of none: SHA-256 of nothing. */
export function rootOf(leafHashes: readonly Uint8Array[]): Uint8Array {
  const [only] = leafHashes
  if (only === undefined) return sha256(new Uint8Array(0))
  if (leafHashes.length === 1) return only
  const split = largestPowerBelow(leafHashes.length)
  return nodeHash(rootOf(leafHashes.slice(0, split)), rootOf(leafHashes.slice(split)))
}

/** The largest power of two that is smaller than `size`; `size` > 1. */
export function largestPowerBelow(size: number): number {
  let power = 1
  while (power * 2 < size) power *= 2
  return power
}
