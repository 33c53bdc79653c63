import { equal, fromHex, toHex, utf8 } from '@mailx/crypto/encoding'
import { describe, expect, test } from 'vitest'
import rfc6962 from '../vectors/rfc6962.json' with { type: 'json' }
import { consistencyProof, verifyConsistency } from './consistency-proof.ts'
import { inclusionProof, verifyInclusion } from './inclusion-proof.ts'
import {
  consistencyFromNodes,
  inclusionFromNodes,
  newNodes,
  nodeRange,
  rootFromNodes,
  subtreesOf,
} from './tile.ts'
import { leafHash, nodeHash, rootOf } from './tree-hash.ts'

const leaves = rfc6962.leaves.map((leaf) => leafHash(fromHex(leaf)))

test(`trees have the roots of ${rfc6962.source}`, () => {
  expect(toHex(rootOf([]))).toBe(rfc6962.emptyRoot)
  rfc6962.roots.forEach((root, index) => {
    expect(toHex(rootOf(leaves.slice(0, index + 1)))).toBe(root)
  })
})

test('the proofs for seven leaves hold the nodes that RFC 6962 §2.1.3 names', () => {
  const seven = leaves.slice(0, 7)
  const [a, b, c, d, e, f, j] = seven
  if (!a || !b || !c || !d || !e || !f || !j) throw new Error('seven leaves are needed')
  const [g, h, i] = [nodeHash(a, b), nodeHash(c, d), nodeHash(e, f)]
  const [k, l] = [nodeHash(g, h), nodeHash(i, j)]
  expect(inclusionProof(seven, 0)).toEqual([b, h, l])
  expect(inclusionProof(seven, 3)).toEqual([c, g, l])
  expect(inclusionProof(seven, 4)).toEqual([f, j, k])
  expect(inclusionProof(seven, 6)).toEqual([i, k])
  expect(consistencyProof(seven, 3)).toEqual([c, d, g, l])
  expect(consistencyProof(seven, 4)).toEqual([l])
  expect(consistencyProof(seven, 6)).toEqual([i, j, k])
})

const nothing = () => Promise.reject(new Error('nothing is stored'))

describe('every tree up to 40 leaves', () => {
  const many = Array.from({ length: 40 }, (_, index) => leafHash(utf8(`leaf ${index}`)))

  test('proves each of its leaves, from leaves and from stored subtrees alike', async () => {
    const nodes = new Map<string, Uint8Array>()
    const readNode = async (level: number, index: number) => {
      const hash = nodes.get(`${level}/${index}`)
      if (hash === undefined) throw new Error(`the subtree ${level}/${index} is not complete`)
      return hash
    }
    for (let size = 1; size <= many.length; size++) {
      const added = await newNodes(size - 1, many.slice(size - 1, size), readNode)
      for (const { level, index, hash } of added) nodes.set(`${level}/${index}`, hash)
      const tree = many.slice(0, size)
      const root = rootOf(tree)
      expect(await rootFromNodes(size, readNode)).toEqual(root)
      for (const [index, leaf] of tree.entries()) {
        const proof = inclusionProof(tree, index)
        expect(await inclusionFromNodes(index, size, readNode)).toEqual(proof)
        expect(verifyInclusion({ leafHash: leaf, index, size, root, proof })).toBe(true)
      }
      for (let size1 = 0; size1 <= size; size1++) {
        const proof = consistencyProof(tree, size1)
        const root1 = rootOf(tree.slice(0, size1))
        expect(await consistencyFromNodes(size1, size, readNode)).toEqual(proof)
        expect(verifyConsistency({ size1, size2: size, root1, root2: root, proof })).toBe(true)
      }
    }
  })

  test('adds many leaves at once as it adds them one by one', async () => {
    const nodes = await newNodes(0, many, nothing)
    const stored = new Map(nodes.map(({ level, index, hash }) => [`${level}/${index}`, hash]))
    const read = async (level: number, index: number) =>
      stored.get(`${level}/${index}`) ?? nothing()
    expect(await rootFromNodes(many.length, read)).toEqual(rootOf(many))
  })
})

const eight = { size: 8, root: rootOf(leaves) }
const good = {
  ...eight,
  leafHash: leaves[2] ?? utf8(''),
  index: 2,
  proof: inclusionProof(leaves, 2),
}

test.each([
  ['another index', { index: 3 }],
  ['a negative index', { index: -1 }],
  ['an index beyond the tree', { index: 8 }],
  ['a fraction', { index: 2.5 }],
  ['another size', { size: 9 }],
  ['no tree', { size: 0 }],
  ['another leaf', { leafHash: leaves[1] ?? utf8('') }],
  ['a short leaf hash', { leafHash: utf8('x') }],
  ['another root', { root: rootOf(leaves.slice(0, 7)) }],
  ['a proof too short', { proof: good.proof.slice(1) }],
  ['a proof too long', { proof: [...good.proof, good.root] }],
  ['a proof in another order', { proof: good.proof.toReversed() }],
  ['a hash of another length in the proof', { proof: [...good.proof.slice(1), utf8('x')] }],
])('inclusion with %s is not proved', (_what, change) => {
  expect(verifyInclusion(good)).toBe(true)
  expect(verifyInclusion({ ...good, ...change })).toBe(false)
})

const grown = {
  size1: 3,
  size2: 8,
  root1: rootOf(leaves.slice(0, 3)),
  root2: rootOf(leaves),
  proof: consistencyProof(leaves, 3),
}

test.each([
  ['sizes exchanged', { size1: 8, size2: 3 }],
  ['another first size', { size1: 4 }],
  ['another second size', { size2: 9 }],
  ['a negative size', { size1: -1 }],
  ['another first root', { root1: rootOf(leaves.slice(0, 2)) }],
  ['another second root', { root2: rootOf(leaves.slice(0, 7)) }],
  ['an empty proof', { proof: [] }],
  ['a proof too long', { proof: [...grown.proof, grown.root1] }],
  ['equal sizes and another root', { size1: 8, proof: [] }],
  ['a proof for the empty tree', { size1: 0, root1: rootOf([]) }],
])('growth with %s is not proved', (_what, change) => {
  expect(verifyConsistency(grown)).toBe(true)
  expect(verifyConsistency({ ...grown, ...change })).toBe(false)
})

const empty = rootOf([])
const other = new Uint8Array(32).fill(9)

test.each([
  ['no tree grew from no tree', { size2: 0, root1: empty, root2: empty }, true],
  ['every tree grew from no tree', { size2: 8, root1: empty, root2: grown.root2 }, true],
  ['no tree has another root', { size2: 0, root1: empty, root2: other }, false],
  ['no tree has two other roots', { size2: 0, root1: other, root2: other }, false],
  ['no tree had another root', { size2: 8, root1: other, root2: grown.root2 }, false],
  ['a proof is not needed', { size2: 8, root1: empty, root2: other, proof: [other] }, false],
])('of the empty tree: %s', (_what, claim, verdict) => {
  expect(verifyConsistency({ size1: 0, proof: [], ...claim })).toBe(verdict)
})

test.each([Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, 1.5, -1])(
  'the size %d is one of no tree',
  async (size) => {
    expect(verifyInclusion({ ...good, size })).toBe(false)
    expect(verifyConsistency({ ...grown, size2: size })).toBe(false)
    expect(verifyConsistency({ ...grown, size1: size })).toBe(false)
    const refused = expect.objectContaining({ code: 'INVALID_ARGUMENT' })
    await expect(rootFromNodes(size, nothing)).rejects.toEqual(refused)
    await expect(inclusionFromNodes(0, size, nothing)).rejects.toEqual(refused)
    await expect(consistencyFromNodes(0, size, nothing)).rejects.toEqual(refused)
    expect(() => inclusionProof(leaves, size)).toThrow(refused)
    expect(() => consistencyProof(leaves, size)).toThrow(refused)
  },
)

test('the largest tree there can be has proofs of 53 nodes that are checked like others', () => {
  const [index, size] = [2 ** 53 - 2, 2 ** 53 - 1]
  const proof = Array.from({ length: 53 }, () => other)
  expect(verifyInclusion({ leafHash: other, index, size, root: other, proof })).toBe(false)
})

test('a tree is read from nodes at hand as from nodes in a store', async () => {
  const stored = new Map(
    (await newNodes(0, leaves, nothing)).map((node) => [`${node.level}/${node.index}`, node.hash]),
  )
  const atHand = (level: number, index: number) => stored.get(`${level}/${index}`) ?? other
  expect(await rootFromNodes(8, atHand)).toEqual(rootOf(leaves))
})

test('the subtrees of a size cover its leaves once, without a gap', () => {
  for (let size = 0; size <= 300; size++) {
    const ranges = subtreesOf(size).map(nodeRange)
    expect(ranges.map(({ from }) => from)).toEqual([0, ...ranges.map(({ to }) => to)].slice(0, -1))
    expect(ranges.at(-1)?.to ?? 0).toBe(size)
  }
  expect(subtreesOf(7)).toEqual([
    { level: 2, index: 0 },
    { level: 1, index: 2 },
    { level: 0, index: 6 },
  ])
})

test('a leaf is never taken for a node', () => {
  const [left, right] = [leaves[0] ?? utf8(''), leaves[1] ?? utf8('')]
  const forged = leafHash(new Uint8Array([...left, ...right]))
  expect(equal(forged, nodeHash(left, right))).toBe(false)
})
