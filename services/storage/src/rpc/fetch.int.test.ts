import { toHex } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { callUnary } from '@mailx/grpc/client'
import { Route } from '@mailx/proto/submission/v1/events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { receive, type Sample, submit } from '../testing/sample-events.ts'
import { type StorageRig, startRig } from '../testing/storage-rig.ts'

let rig: StorageRig
beforeAll(async () => {
  rig = await startRig()
})
afterAll(() => rig.stop())

let count = 0
/** A mailbox that no other test uses. */
const newMailbox = () => `user-${++count}@b.test`

const refusal = (code: string, message = /./) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

/** Bytes that came over the wire are Buffers: the same bytes, not equal objects. */
const hex = (bytes: Uint8Array | undefined) => toHex(bytes ?? new Uint8Array(0))

test('messages are fetched with their sealed bytes, in the order asked', async () => {
  const bob = newMailbox()
  const samples = [
    await submit(rig.log, { to: { [bob]: Route.LOCAL } }),
    await receive(rig.log, { to: bob }),
  ].toReversed()
  await rig.entries(bob, 2)
  const messageIds = samples.map(({ messageId }) => messageId)
  const { messages } = await callUnary(rig.client.fetchMessages, { mailbox: bob, messageIds })
  expect(messages.map(({ messageId }) => toHex(messageId))).toEqual(messageIds.map(toHex))
  for (const [index, sample] of samples.entries()) {
    expect(hex(messages[index]?.content)).toBe(hex(sample.content.data))
    expect(hex(messages[index]?.envelope)).toBe(hex(sample.envelopes.get(bob)?.data))
  }
})

test('an answer stays under 4 MiB; the rest is there for the asking', async () => {
  const bob = newMailbox()
  const samples: Sample[] = []
  for (let n = 0; n < 5; n += 1) {
    const content = randomBytes(1_000_000)
    samples.push(await submit(rig.log, { to: { [bob]: Route.LOCAL }, content }))
  }
  await rig.entries(bob, 5)
  const messageIds = samples.map(({ messageId }) => messageId)
  const first = await callUnary(rig.client.fetchMessages, { mailbox: bob, messageIds })
  expect(first.messages).toHaveLength(4)
  const second = await callUnary(rig.client.fetchMessages, {
    mailbox: bob,
    messageIds: messageIds.slice(4),
  })
  expect(second.messages).toHaveLength(1)
})

test('an attachment is for those alone in whose mailbox a message names it', async () => {
  const [bob, eve] = [newMailbox(), newMailbox()]
  const part = randomBytes(5000)
  const sample = await submit(rig.log, { to: { [bob]: Route.LOCAL }, attachments: [part] })
  await submit(rig.log, { to: { [eve]: Route.LOCAL } })
  await rig.entries(bob, 1)
  const hashes = sample.attachments.map(({ hash }) => hash)
  const { blobs } = await callUnary(rig.client.fetchBlobs, { mailbox: bob, hashes })
  expect(blobs.map(hex)).toEqual([hex(part)])
  await expect(callUnary(rig.client.fetchBlobs, { mailbox: eve, hashes })).rejects.toEqual(
    refusal('NOT_FOUND', new RegExp(toHex(hashes[0] ?? new Uint8Array(0)))),
  )
  const content = { mailbox: bob, hashes: [sample.content.hash] }
  await expect(callUnary(rig.client.fetchBlobs, content)).rejects.toEqual(refusal('NOT_FOUND'))
})
