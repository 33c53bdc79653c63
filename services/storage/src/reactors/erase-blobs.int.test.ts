import { toHex } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { randomBytes } from '@mailx/crypto/random'
import { readBlobs, writeBlobs } from '@mailx/event-log/blobs'
import type { Blob } from '@mailx/event-log/event-log'
import { callUnary } from '@mailx/grpc/client'
import { Route } from '@mailx/proto/submission/v1/events'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { report, type Sample, submit } from '../testing/sample-events.ts'
import { type StorageRig, startRig } from '../testing/storage-rig.ts'
import { eraseBlobs } from './erase-blobs.ts'

let rig: StorageRig
beforeAll(async () => {
  rig = await startRig({ ERASE_EVERY_MS: '86400000' })
})
afterAll(() => rig.stop())

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS

/** All rounds that are due, as seen from a later time. */
async function eraseIn(laterMs: number): Promise<void> {
  const config = {
    eraseAfterMs: 2 * HOUR_MS,
    deliveredRetentionMs: 7 * DAY_MS,
    orphanAfterMs: DAY_MS,
  }
  const now = () => Date.now() + laterMs
  await eventually(async () => (await eraseBlobs({ pool: rig.pool, config, now })) === 0)
}

const isThere = async (blob: Blob | undefined) => {
  if (blob === undefined) throw new Error('no such blob in the sample')
  return (await readBlobs(rig.pool, [blob.hash])).length === 1
}

const remove = (mailbox: string, sample: Sample) =>
  callUnary(rig.client.deleteMessages, { mailbox, messageIds: [sample.messageId] })

let count = 0
const newMailbox = () => `user-${++count}@b.test`

test('sealed bytes go when their last owner deletes them, and not before', async () => {
  const [bob, carol] = [newMailbox(), newMailbox()]
  const part = randomBytes(6000)
  const sample = await submit(rig.log, {
    to: { [bob]: Route.LOCAL, [carol]: Route.LOCAL },
    attachments: [part],
  })
  await rig.entries(carol, 1)
  const [attachment] = sample.attachments

  await remove(bob, sample)
  await eraseIn(3 * HOUR_MS)
  expect(await isThere(sample.envelopes.get(bob))).toBe(false)
  expect(await isThere(sample.envelopes.get(carol))).toBe(true)
  expect(await isThere(sample.content)).toBe(true)
  expect(await isThere(attachment)).toBe(true)

  await remove(carol, sample)
  await eraseIn(HOUR_MS)
  expect(await isThere(sample.content)).toBe(true)
  await eraseIn(3 * HOUR_MS)
  expect(await isThere(sample.content)).toBe(false)
  expect(await isThere(attachment)).toBe(false)
  expect(await isThere(sample.envelopes.get(carol))).toBe(false)
})

test('a copy for another domain keeps its bytes until it is done, and a week longer', async () => {
  const bob = newMailbox()
  const sample = await submit(rig.log, { to: { [bob]: Route.LOCAL, 'dave@d.test': Route.REMOTE } })
  await rig.entries(bob, 1)
  await remove(bob, sample)
  await eraseIn(3 * HOUR_MS)
  expect(await isThere(sample.content)).toBe(true)
  expect(await isThere(sample.envelopes.get('dave@d.test'))).toBe(true)

  const { messageId, sender } = sample
  const copy = { messageId, sender, recipient: 'dave@d.test', peer: 'd.test' }
  await report(rig.log, { type: 'DeliveryBounced', data: { ...copy, code: 'EXPIRED', reason: '' } })
  await eventually(async () => {
    const { rows } = await rig.pool.query('select from storage.outcomes where message_id = $1', [
      messageId,
    ])
    return rows.length === 1
  })
  await eraseIn(6 * DAY_MS)
  expect(await isThere(sample.content)).toBe(true)
  await eraseIn(8 * DAY_MS)
  expect(await isThere(sample.content)).toBe(false)
  expect(await isThere(sample.envelopes.get('dave@d.test'))).toBe(false)
})

test('the same content in another message stays', async () => {
  const [bob, carol] = [newMailbox(), newMailbox()]
  const content = randomBytes(400)
  const first = await submit(rig.log, { to: { [bob]: Route.LOCAL }, content })
  await submit(rig.log, { from: 'x@a.test', to: { [carol]: Route.LOCAL }, content })
  await rig.entries(bob, 1)
  await rig.entries(carol, 1)
  await remove(bob, first)
  await eraseIn(3 * HOUR_MS)
  expect(await isThere(first.content)).toBe(true)
})

test('nobody can take back a message by attaching its sealed bytes and deleting that', async () => {
  const [bob, mallory] = [newMailbox(), newMailbox()]
  const sent = await submit(rig.log, { from: mallory, to: { [bob]: Route.LOCAL } })
  const envelope = sent.envelopes.get(bob)
  const attachments = [sent.content.data, envelope?.data ?? new Uint8Array(0)]
  const trick = await submit(rig.log, {
    from: mallory,
    to: { [mallory]: Route.LOCAL },
    attachments,
  })
  await rig.entries(bob, 1)
  await rig.entries(mallory, 1)
  await remove(mallory, trick)
  await eraseIn(3 * HOUR_MS)
  expect(await isThere(trick.content)).toBe(false)
  expect(await isThere(sent.content)).toBe(true)
  expect(await isThere(envelope)).toBe(true)
})

test('an upload that no message names is collected after a day; one that is named stays', async () => {
  const bob = newMailbox()
  const [orphan, part] = [randomBytes(5000), randomBytes(5000)]
  const blobs = [orphan, part].map((data) => ({ hash: blake2b256(data), data }))
  await writeBlobs(rig.pool, blobs, Date.now())
  await submit(rig.log, { to: { [bob]: Route.LOCAL }, attachments: [part] })
  await rig.entries(bob, 1)
  await eraseIn(23 * HOUR_MS)
  expect(await isThere(blobs[0])).toBe(true)
  await eraseIn(25 * HOUR_MS)
  expect(await isThere(blobs[0])).toBe(false)
  expect(await isThere(blobs[1])).toBe(true)
})

test('nothing is erased while a read model does not know everything', async () => {
  const bob = newMailbox()
  const sample = await submit(rig.log, { to: { [bob]: Route.LOCAL } })
  await rig.entries(bob, 1)
  await remove(bob, sample)
  const park = `insert into storage.parked_events
    (processor, partition, position, stream, type, reason, tries, parked_at)
    values ('storage.submitted', 'submission-0', 1, 's', 't', 'r', 3, 0)`
  await rig.pool.query(park)
  await eraseIn(3 * HOUR_MS)
  expect(await isThere(sample.content)).toBe(true)
  await rig.pool.query('delete from storage.parked_events')
  await eraseIn(3 * HOUR_MS)
  expect(await isThere(sample.content)).toBe(false)
})

test('what is erased is not listed as a blob of anybody', async () => {
  const bob = newMailbox()
  const part = randomBytes(4000)
  const sample = await submit(rig.log, { to: { [bob]: Route.LOCAL }, attachments: [part] })
  await rig.entries(bob, 1)
  await remove(bob, sample)
  const hashes = sample.attachments.map(({ hash }) => hash)
  await expect(callUnary(rig.client.fetchBlobs, { mailbox: bob, hashes })).rejects.toEqual(
    expect.objectContaining({
      code: 'NOT_FOUND',
      message: expect.stringContaining(toHex(hashes[0] ?? new Uint8Array(0))),
    }),
  )
})
