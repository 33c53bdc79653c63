import { equal, toHex } from '@mailx/crypto/encoding'
import { callUnary } from '@mailx/grpc/client'
import { verifyConsistency } from '@mailx/merkle/consistency-proof'
import { verifyInclusion } from '@mailx/merkle/inclusion-proof'
import { leafHash, rootOf } from '@mailx/merkle/tree-hash'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  domainCreated,
  hashesOf,
  keyCertified,
  type Replica,
  type TransparencyRig,
  transparencyRig,
} from './testing/transparency-rig.ts'

const refusal = (code: string) => expect.objectContaining({ code })
const times = <T>(count: number, make: () => T): T[] => Array.from({ length: count }, make)

let rig: TransparencyRig
let first: Replica
let second: Replica
beforeAll(async () => {
  rig = await transparencyRig()
  first = await rig.start()
  second = await rig.start()
})
afterAll(() => rig.stop())

const checkpointOf = async (domain: string, { client } = first) => {
  const { checkpoint } = await callUnary(client.getCheckpoint, { domain })
  return rig.openNote(checkpoint, domain)
}
const signedAt = (domain: string, size: number) =>
  eventually(async () => {
    const checkpoint = await checkpointOf(domain)
    if (checkpoint.size !== size) throw new Error(`signed at ${checkpoint.size}, not ${size}`)
    return checkpoint
  })
const alarmed = () =>
  eventually(() =>
    [first, second].some(({ lines }) => lines.some(({ alarm }) => alarm === 'key-log')),
  )
const forgetAlarms = () => [first, second].forEach(({ lines }) => lines.splice(0))

test('every key event becomes a leaf, and the tree over them is signed', async () => {
  const events = [domainCreated('a.test'), ...times(20, () => keyCertified('a.test'))]
  await rig.append('a.test', events)
  const { root } = await signedAt('a.test', 21)
  expect(equal(root, rootOf(hashesOf(events)))).toBe(true)
})

test('each domain has a log of its own', async () => {
  const events = [domainCreated('b.test'), keyCertified('b.test')]
  await rig.append('b.test', events)
  const { origin, root } = await signedAt('b.test', 2)
  expect(origin).toBe('b.test/mailx-kt/1')
  expect(equal(root, rootOf(hashesOf(events)))).toBe(true)
})

test('inclusion is proved for any leaves under the newest checkpoint', async () => {
  const events = [domainCreated('incl.test'), ...times(12, () => keyCertified('incl.test'))]
  await rig.append('incl.test', events)
  const { root, size } = await signedAt('incl.test', 13)
  const hashes = hashesOf(events)
  const request = { domain: 'incl.test', leafHashes: hashes.toReversed() }
  const { checkpoint, proofs } = await callUnary(second.client.getInclusionProofs, request)
  expect(rig.openNote(checkpoint, 'incl.test').size).toBe(13)
  expect(proofs.map(({ index }) => Number(index))).toEqual(times(13, () => 0).map((_, n) => 12 - n))
  for (const { index, path } of proofs) {
    const leaf = hashes[Number(index)] ?? new Uint8Array()
    const claim = { leafHash: leaf, index: Number(index), size, root, proof: path }
    expect(verifyInclusion(claim)).toBe(true)
  }
})

test('a grown log is proved to extend what was signed before', async () => {
  await rig.append('grow.test', [
    domainCreated('grow.test'),
    ...times(4, () => keyCertified('grow.test')),
  ])
  const before = await signedAt('grow.test', 5)
  await rig.append(
    'grow.test',
    times(6, () => keyCertified('grow.test')),
  )
  const after = await signedAt('grow.test', 11)
  const request = { domain: 'grow.test', size1: 5n, size2: 0n }
  const answer = await callUnary(first.client.getConsistencyProof, request)
  const { proof } = answer
  expect(answer.size2).toBe(11n)
  expect(
    verifyConsistency({ size1: 5, size2: 11, root1: before.root, root2: after.root, proof }),
  ).toBe(true)
  for (const [size1, size2] of [
    [6n, 5n],
    [5n, 12n],
    [-1n, 5n],
  ] as const) {
    const wrong = callUnary(first.client.getConsistencyProof, { domain: 'grow.test', size1, size2 })
    await expect(wrong).rejects.toEqual(refusal('INVALID_ARGUMENT'))
  }
})

test('a leaf that no checkpoint covers, and a domain without a log, are NOT_FOUND', async () => {
  const unknown = { domain: 'a.test', leafHashes: [leafHash(new Uint8Array(42))] }
  await expect(callUnary(first.client.getInclusionProofs, unknown)).rejects.toEqual(
    refusal('NOT_FOUND'),
  )
  await expect(callUnary(first.client.getCheckpoint, { domain: 'no.test' })).rejects.toEqual(
    refusal('NOT_FOUND'),
  )
  const none = { domain: 'a.test', leafHashes: [] }
  await expect(callUnary(first.client.getInclusionProofs, none)).rejects.toEqual(
    refusal('INVALID_ARGUMENT'),
  )
})

test('two sequencers at work sign one history', async () => {
  await rig.append('two.test', [domainCreated('two.test')])
  for (let n = 0; n < 10; n += 1) await rig.append('two.test', [keyCertified('two.test')])
  await signedAt('two.test', 11)
  const stream = await rig.log.readStream({
    context: 'transparency',
    key: 'two.test',
    stream: 'tree/two.test',
  })
  expect(stream.map(({ version }) => version)).toEqual(stream.map((_, index) => index + 1))
  expect(stream.length).toBeLessThanOrEqual(11)
})

test('a burst of events is signed a few times, not once for each', async () => {
  await rig.append('burst.test', [domainCreated('burst.test')])
  await Promise.all(times(100, () => rig.append('burst.test', [keyCertified('burst.test')])))
  await signedAt('burst.test', 101)
  const { rows } = await rig.pool.query(
    "select version from transparency.tree_heads where domain = 'burst.test'",
  )
  expect(rows[0]?.version).toBeLessThan(30)
})

test('nothing is signed when the clock went back', async () => {
  await rig.append('clock.test', [domainCreated('clock.test')])
  await signedAt('clock.test', 1)
  forgetAlarms()
  rig.clock.offset = -24 * 60 * 60 * 1000
  await rig.append('clock.test', [keyCertified('clock.test')])
  await alarmed()
  expect((await checkpointOf('clock.test')).size).toBe(1)
  rig.clock.offset = 0
})

test('a flipped bit in a new leaf stops the signing, and the old checkpoint is still served', async () => {
  await rig.append('flip.test', [domainCreated('flip.test'), keyCertified('flip.test')])
  await signedAt('flip.test', 2)
  forgetAlarms()
  // Between projecting and signing: the clock keeps the sequencers off until the bit is flipped.
  rig.clock.offset = -60_000
  const event = keyCertified('flip.test')
  await rig.append('flip.test', [event])
  await eventually(async () => {
    const flip = await rig.pool.query(
      `update transparency.leaves set leaf = set_byte(leaf, 20, get_byte(leaf, 20) # 1)
         where domain = 'flip.test' and index = 2`,
    )
    return flip.rowCount === 1
  })
  await alarmed()
  forgetAlarms()
  rig.clock.offset = 0
  const third = await rig.start()
  await eventually(() => third.lines.some(({ alarm }) => alarm === 'key-log'))
  expect((await checkpointOf('flip.test')).size).toBe(2)
  await third.service.stop()
})

test('a flipped bit in an old leaf is found when it is looked up, and when the tree is read', async () => {
  const events = [domainCreated('old.test'), ...times(3, () => keyCertified('old.test'))]
  await rig.append('old.test', events)
  await signedAt('old.test', 4)
  await rig.pool.query(
    `update transparency.leaves set leaf = set_byte(leaf, 20, get_byte(leaf, 20) # 1)
       where domain = 'old.test' and index = 1`,
  )
  const request = { domain: 'old.test', leafHashes: hashesOf(events).slice(1, 2) }
  await expect(callUnary(first.client.getInclusionProofs, request)).rejects.toEqual(
    refusal('CORRUPT_LOG'),
  )
  await rig.pool.query(
    `update transparency.nodes set hash = set_byte(hash, 0, get_byte(hash, 0) # 1)
       where domain = 'old.test' and level = 2`,
  )
  const consistency = { domain: 'old.test', size1: 2n, size2: 0n }
  await expect(callUnary(first.client.getConsistencyProof, consistency)).rejects.toEqual(
    refusal('CORRUPT_LOG'),
  )
  forgetAlarms()
  await rig.append('old.test', [keyCertified('old.test')])
  await alarmed()
  expect((await checkpointOf('old.test')).size).toBe(4)
})

test('a tree that lost leaves is never signed', async () => {
  await rig.append('lost.test', [
    domainCreated('lost.test'),
    ...times(3, () => keyCertified('lost.test')),
  ])
  await signedAt('lost.test', 4)
  forgetAlarms()
  await rig.pool.query("delete from transparency.leaves where domain = 'lost.test' and index > 1")
  await rig.pool.query("update transparency.trees set size = 2 where domain = 'lost.test'")
  await alarmed()
  const lines = [...first.lines, ...second.lines].map((line) => JSON.stringify(line)).join()
  expect(lines).toContain('CORRUPT_LOG')
  expect((await checkpointOf('lost.test')).size).toBe(4)
})

test('projected anew, the log has the same rows', async () => {
  const dump = async () => {
    const tables = ['trees', 'leaves', 'nodes', 'tree_heads']
    const rows = await Promise.all(
      tables.map((table) =>
        rig.pool.query(
          `select t::text as row from transparency.${table} t
             where domain in ('a.test', 'b.test', 'incl.test', 'two.test') order by row`,
        ),
      ),
    )
    return rows.map((result) => result.rows.map(({ row }: { row: string }) => row))
  }
  const before = await dump()
  await first.service.stop()
  await second.service.stop()
  await rig.pool.query(
    'truncate transparency.trees, transparency.leaves, transparency.nodes, transparency.tree_heads',
  )
  await rig.pool.query('delete from transparency.checkpoints')
  const replica = await rig.start()
  await signedAtReplica(replica)
  await eventually(async () => {
    expect(await dump()).toEqual(before)
    return true
  })
  expect(before[0]?.length).toBe(4)
})

const signedAtReplica = (replica: Replica) =>
  eventually(async () => {
    const { root } = await checkpointOf('a.test', replica)
    return toHex(root).length === 64
  })
