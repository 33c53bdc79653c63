import type { TransparencyEvent } from '@mailx/events/transparency'
import { expect, test } from 'vitest'
import { type TreeHeadCommand, treeHead } from './tree-head.ts'

const [rootA, rootB] = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)]
const at = 1_000_000
const refusedWith = (code: string) => expect.objectContaining({ code })

const publish = (change: Partial<TreeHeadCommand> = {}): TreeHeadCommand => ({
  type: 'PublishCheckpoint',
  domain: 'a.test',
  origin: 'a.test/mailx-kt/1',
  size: 3,
  root: rootA,
  rootOfSigned: new Uint8Array(32),
  note: 'note',
  kid: 'log-1',
  at,
  intervalMs: 1_000,
  ...change,
})
const grown = (change: Partial<TreeHeadCommand> = {}) =>
  publish({ size: 5, root: rootB, rootOfSigned: rootA, at: at + 1_000, ...change })

const given = (history: readonly TransparencyEvent[]) =>
  history.reduce(treeHead.evolve, treeHead.initialState)
const signed = given(treeHead.decide(publish(), treeHead.initialState))

test('the first leaves are signed', () => {
  expect(treeHead.decide(publish(), treeHead.initialState)).toEqual([
    {
      type: 'CheckpointSigned',
      data: {
        domain: 'a.test',
        origin: 'a.test/mailx-kt/1',
        size: 3n,
        root: rootA,
        note: 'note',
        signedAtUnixMs: BigInt(at),
        kid: 'log-1',
      },
    },
  ])
})

test('an empty tree is not signed', () => {
  expect(treeHead.decide(publish({ size: 0 }), treeHead.initialState)).toEqual([])
})

test('a tree that grew is signed again', () => {
  expect(treeHead.decide(grown(), signed)).toMatchObject([{ data: { size: 5n, root: rootB } }])
})

test('a tree that did not grow is signed again only under a new key', () => {
  const same = { size: 3, root: rootA }
  expect(treeHead.decide(grown(same), signed)).toEqual([])
  expect(treeHead.decide(grown({ ...same, kid: 'log-2' }), signed)).toHaveLength(1)
})

test('nothing is signed twice within the interval', () => {
  expect(treeHead.decide(grown({ at: at + 999 }), signed)).toEqual([])
})

test('a tree that shrank is never signed', () => {
  const restored = grown({ size: 2, at: at + 99_000 })
  expect(() => treeHead.decide(restored, signed)).toThrow(refusedWith('CORRUPT_LOG'))
})

test('a tree whose past changed is never signed, grown or not', () => {
  expect(() => treeHead.decide(grown({ rootOfSigned: rootB }), signed)).toThrow(
    refusedWith('CORRUPT_LOG'),
  )
  const swapped = grown({ size: 3, root: rootB, rootOfSigned: rootB })
  expect(() => treeHead.decide(swapped, signed)).toThrow(refusedWith('CORRUPT_LOG'))
})

test('nothing is signed by a clock that went back', () => {
  expect(() => treeHead.decide(grown({ at: at - 1 }), signed)).toThrow(
    refusedWith('FAILED_PRECONDITION'),
  )
})

test('an event of a newer version leaves the state as it is', () => {
  const unknown = { type: 'WitnessAdded', data: {} } as unknown as TransparencyEvent
  expect(treeHead.evolve(signed, unknown)).toBe(signed)
})
