import { MailxError } from '@mailx/errors/mailx-error'
import { largestPowerBelow, nodeHash, rootOf } from './tree-hash.ts'

/**
 * A tree that grows is kept as its complete subtrees: the node at (level, index) covers the leaves
 * index·2^level … (index+1)·2^level - 1 and never changes once it is complete. These are the nodes
 * that C2SP tiles hold, too. Every root and proof is computed from O(log n) of them.
 */
export type NodeAt = { readonly level: number; readonly index: number }

/** Looks up a stored node, at once or later. Only complete subtrees are asked for. */
export type ReadNode = (level: number, index: number) => Uint8Array | Promise<Uint8Array>

/** The leaves `from` … `to` - 1 that a node covers. */
export const nodeRange = ({ level, index }: NodeAt): { from: number; to: number } => ({
  from: index * 2 ** level,
  to: (index + 1) * 2 ** level,
})

/**
 * The complete subtrees that make up the leaves `from` … `size` - 1, left to right. `from` is 0, or
 * where a proof cuts the tree.
 */
export function subtreesOf(size: number, from = 0): NodeAt[] {
  checkSize(size)
  const nodes: NodeAt[] = []
  let start = from
  while (start < size) {
    let level = 0
    while (start % 2 ** (level + 1) === 0 && start + 2 ** (level + 1) <= size) level += 1
    nodes.push({ level, index: start / 2 ** level })
    start += 2 ** level
  }
  return nodes
}

/** The tree hash of leaves `from` … `to` - 1. The range must be one that a proof asks for. */
async function hashOfRange(from: number, to: number, readNode: ReadNode): Promise<Uint8Array> {
  const nodes = await Promise.all(
    subtreesOf(to, from).map(async ({ level, index }) => readNode(level, index)),
  )
  return nodes.reduceRight((right, left) => nodeHash(left, right))
}

function checkSize(size: number): void {
  if (Number.isSafeInteger(size) && size >= 0) return
  throw new MailxError('INVALID_ARGUMENT', `${size} is not the size of a tree`)
}

/** The root of the first `size` leaves. */
export const rootFromNodes = async (size: number, readNode: ReadNode): Promise<Uint8Array> =>
  size === 0 ? rootOf([]) : hashOfRange(0, size, readNode)

/**
 * The audit path of leaf `index` in the tree of `size` leaves, from the leaf upwards. Rejects with
 * INVALID_ARGUMENT when there is no such leaf, and as `readNode` does.
 */
export async function inclusionFromNodes(
  index: number,
  size: number,
  readNode: ReadNode,
): Promise<Uint8Array[]> {
  checkSize(size)
  if (!Number.isSafeInteger(index) || index < 0 || index >= size) {
    throw new MailxError('INVALID_ARGUMENT', `there is no leaf ${index} among ${size}`)
  }
  const ranges = pathRanges(index, size)
  return Promise.all(ranges.map(([from, to]) => hashOfRange(from, to, readNode)))
}

/**
 * Proof that the tree of `size2` leaves extends the tree of `size1`. Rejects with INVALID_ARGUMENT when
 * it cannot, and as `readNode` does.
 */
export async function consistencyFromNodes(
  size1: number,
  size2: number,
  readNode: ReadNode,
): Promise<Uint8Array[]> {
  checkSize(size2)
  if (!Number.isSafeInteger(size1) || size1 < 0 || size1 > size2) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      `there is no tree of ${size1} leaves in one of ${size2}`,
    )
  }
  if (size1 === 0 || size1 === size2) return []
  const ranges = subproofRanges(size1, 0, size2, true)
  return Promise.all(ranges.map(([from, to]) => hashOfRange(from, to, readNode)))
}

type Range = readonly [from: number, to: number]

function pathRanges(index: number, size: number): Range[] {
  let from = 0
  let to = size
  const ranges: Range[] = []
  while (to - from > 1) {
    const middle = from + largestPowerBelow(to - from)
    if (index < middle) {
      ranges.unshift([middle, to])
      to = middle
    } else {
      ranges.unshift([from, middle])
      from = middle
    }
  }
  return ranges
}

function subproofRanges(size1: number, from: number, to: number, known: boolean): Range[] {
  if (size1 === to) return known ? [] : [[from, to]]
  const middle = from + largestPowerBelow(to - from)
  return size1 <= middle
    ? [...subproofRanges(size1, from, middle, known), [middle, to]]
    : [...subproofRanges(size1, middle, to, false), [from, middle]]
}

export type StoredNode = NodeAt & { readonly hash: Uint8Array }

/** All subtrees that become complete when `leafHashes` are added to a tree of `oldSize` leaves. */
export async function newNodes(
  oldSize: number,
  leafHashes: readonly Uint8Array[],
  readNode: ReadNode,
): Promise<StoredNode[]> {
  const added: StoredNode[] = []
  // The left sibling is either new, or one that the old tree already has.
  const fresh = new Map<string, Uint8Array>()
  for (const [offset, leaf] of leafHashes.entries()) {
    let level = 0
    let index = oldSize + offset
    let hash = leaf
    for (;;) {
      added.push({ level, index, hash })
      fresh.set(`${level}/${index}`, hash)
      if (index % 2 === 0) break
      const left = fresh.get(`${level}/${index - 1}`) ?? (await readNode(level, index - 1))
      hash = nodeHash(left, hash)
      level += 1
      index = (index - 1) / 2
    }
  }
  return added
}
