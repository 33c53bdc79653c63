import { toHex } from '@mailx/crypto/encoding'
import { callUnary } from '@mailx/grpc/client'
import { Disposition } from '@mailx/proto/reception/v1/events'
import { Route } from '@mailx/proto/submission/v1/events'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { receive, submit } from './testing/sample-events.ts'
import { type StorageRig, startRig } from './testing/storage-rig.ts'

let rig: StorageRig
beforeAll(async () => {
  rig = await startRig()
})
afterAll(() => rig.stop())

let count = 0
/** A mailbox that no other test uses. */
const newMailbox = () => `user-${++count}@b.test`

/** Bytes that came over the wire are Buffers: the same bytes, not equal objects. */
const hex = (bytes: Uint8Array | undefined) => toHex(bytes ?? new Uint8Array(0))

const refusal = (code: string, message = /./) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

const heads = async () =>
  (await rig.log.heads()).map(({ partition, position }) => `${partition} ${position}`).join()

test('a submission arrives in the mailbox of every recipient here, and is announced', async () => {
  const [bob, carol] = [newMailbox(), newMailbox()]
  const sample = await submit(rig.log, {
    to: { [bob]: Route.LOCAL, [carol]: Route.LOCAL, 'dave@d.test': Route.REMOTE },
  })
  for (const mailbox of [bob, carol]) {
    const [entry] = await rig.entries(mailbox, 1)
    expect(hex(entry?.messageId)).toBe(hex(sample.messageId))
    expect(entry?.sender).toBe('alice@a.test')
    const envelope = sample.envelopes.get(mailbox)
    expect(entry?.size).toBe(300 + (envelope?.data.length ?? 0))
    await eventually(() =>
      rig.announced.some((change) => change.mailbox === mailbox && change.entry),
    )
  }
  expect((await rig.list('dave@d.test')).entries).toEqual([])
})

test('a reception arrives, and a dropped one leaves nothing', async () => {
  const bob = newMailbox()
  await receive(rig.log, { to: bob, disposition: Disposition.DROP })
  const kept = await receive(rig.log, { to: bob })
  const [entry] = await rig.entries(bob, 1)
  expect(hex(entry?.messageId)).toBe(hex(kept.messageId))
  const announced = () => rig.announced.filter(({ mailbox }) => mailbox === bob)
  await eventually(() => announced().length > 0)
  expect(announced()).toHaveLength(1)
})

test('a client that comes back with its cursor gets only what is new', async () => {
  const bob = newMailbox()
  for (const from of ['a1@a.test', 'a2@a.test', 'a3@a.test', 'a4@a.test']) {
    await submit(rig.log, { from, to: { [bob]: Route.LOCAL } })
  }
  await receive(rig.log, { to: bob })
  await rig.entries(bob, 5)
  const first = await rig.list(bob)
  expect(first).toMatchObject({ more: false })
  expect((await rig.list(bob, first.cursor)).entries).toEqual([])
  const next = await submit(rig.log, { from: 'a5@a.test', to: { [bob]: Route.LOCAL } })
  await rig.entries(bob, 6)
  const second = await rig.list(bob, first.cursor)
  expect(second.entries.map(({ messageId }) => toHex(messageId))).toEqual([toHex(next.messageId)])
})

test('pages of any size tell the same, each entry once', async () => {
  const bob = newMailbox()
  for (let n = 0; n < 12; n += 1) {
    await submit(rig.log, { from: `p${n % 5}@a.test`, to: { [bob]: Route.LOCAL } })
  }
  const all = (await rig.entries(bob, 12)).map(({ messageId }) => toHex(messageId))
  for (const limit of [1, 5]) {
    const paged: string[] = []
    let page = await rig.list(bob, new Uint8Array(0), limit)
    for (;;) {
      expect(page.entries.length).toBeLessThanOrEqual(limit)
      paged.push(...page.entries.map(({ messageId }) => toHex(messageId)))
      if (!page.more) break
      page = await rig.list(bob, page.cursor, limit)
    }
    expect(paged).toEqual(all)
  }
})

test('two senders may use the same message id: both messages arrive', async () => {
  const bob = newMailbox()
  const { messageId } = await submit(rig.log, { from: 'x@a.test', to: { [bob]: Route.LOCAL } })
  await submit(rig.log, { from: 'y@a.test', to: { [bob]: Route.LOCAL }, messageId })
  const entries = await rig.entries(bob, 2)
  expect(entries.map(({ sender }) => sender).toSorted()).toEqual(['x@a.test', 'y@a.test'])
  const fetched = await callUnary(rig.client.fetchMessages, {
    mailbox: bob,
    messageIds: [messageId],
  })
  expect(fetched.messages).toHaveLength(2)
})

test('flags are shown by the very next list, as a change, and announced with the entry', async () => {
  const bob = newMailbox()
  const { messageId } = await submit(rig.log, { to: { [bob]: Route.LOCAL } })
  await rig.entries(bob, 1)
  const { cursor } = await rig.list(bob)
  const set = (add: string[], remove: string[] = []) =>
    callUnary(rig.client.setFlags, { mailbox: bob, messageIds: [messageId], add, remove })
  await set(['seen', 'flagged'])
  await set(['answered'], ['flagged'])
  const page = await rig.list(bob, cursor)
  expect(page.entries).toHaveLength(1)
  expect(page.entries[0]).toMatchObject({ flags: ['answered', 'seen'], sender: 'alice@a.test' })
  await eventually(() =>
    rig.announced.some(
      ({ mailbox, entry }) => mailbox === bob && entry?.flags.join() === 'answered,seen',
    ),
  )
})

test('flags that are already as wanted append nothing', async () => {
  const bob = newMailbox()
  const { messageId } = await submit(rig.log, { to: { [bob]: Route.LOCAL } })
  await rig.entries(bob, 1)
  const request = { mailbox: bob, messageIds: [messageId], add: ['seen'], remove: [] }
  await callUnary(rig.client.setFlags, request)
  const before = await heads()
  await callUnary(rig.client.setFlags, request)
  expect(await heads()).toBe(before)
})

test('a deletion leaves a tombstone for clients that know the entry, and frees what it took', async () => {
  const bob = newMailbox()
  const first = await submit(rig.log, { to: { [bob]: Route.LOCAL } })
  await submit(rig.log, { to: { [bob]: Route.LOCAL } })
  const entries = await rig.entries(bob, 2)
  const { cursor } = await rig.list(bob)
  const request = { mailbox: bob, messageIds: [first.messageId] }
  await callUnary(rig.client.deleteMessages, request)
  const { entries: changed } = await rig.list(bob, cursor)
  expect(changed).toHaveLength(1)
  expect(changed[0]).toMatchObject({ deleted: true })
  const sizes = entries.map(({ size }) => size)
  expect(await callUnary(rig.client.getUsage, { mailbox: bob })).toEqual({
    usedBytes: BigInt(sizes.at(-1) ?? 0),
    messages: 1n,
    quotaBytes: BigInt(rig.config.DEFAULT_QUOTA_BYTES),
  })
  expect((await callUnary(rig.client.fetchMessages, request)).messages).toEqual([])
  await expect(callUnary(rig.client.deleteMessages, request)).rejects.toEqual(refusal('NOT_FOUND'))
})

test('deleting the same message from two devices at once frees it once', async () => {
  const bob = newMailbox()
  const { messageId } = await submit(rig.log, { to: { [bob]: Route.LOCAL } })
  await submit(rig.log, { to: { [bob]: Route.LOCAL } })
  await rig.entries(bob, 2)
  const request = { mailbox: bob, messageIds: [messageId] }
  const attempts = await Promise.allSettled([
    callUnary(rig.client.deleteMessages, request),
    callUnary(rig.client.deleteMessages, request),
  ])
  expect(attempts.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  const usage = await callUnary(rig.client.getUsage, { mailbox: bob })
  expect(usage.messages).toBe(1n)
})

test('an unknown message is refused by its id and changes nothing', async () => {
  const bob = newMailbox()
  const { messageId } = await submit(rig.log, { to: { [bob]: Route.LOCAL } })
  await rig.entries(bob, 1)
  const messageIds = [messageId, new Uint8Array(16).fill(7)]
  const before = await heads()
  const wanted = refusal('NOT_FOUND', /07070707-0707-0707-0707-070707070707/)
  const flags = { mailbox: bob, messageIds, add: ['seen'], remove: [] }
  await expect(callUnary(rig.client.setFlags, flags)).rejects.toEqual(wanted)
  await expect(callUnary(rig.client.deleteMessages, { mailbox: bob, messageIds })).rejects.toEqual(
    wanted,
  )
  expect(await heads()).toBe(before)
})

test('wrong requests are refused, each by what is wrong, and change nothing', async () => {
  const bob = newMailbox()
  const messageIds = [new Uint8Array(16)]
  const before = await heads()
  const wrong: [Promise<unknown>, string, RegExp][] = [
    [rig.list('Bob@B.test'), 'INVALID_ADDRESS', /canonical/],
    [rig.list(bob, Uint8Array.of(255)), 'INVALID_ARGUMENT', /cursor/],
    [rig.list(bob, new Uint8Array(0), 1001), 'INVALID_ARGUMENT', /1 to 1000/],
    [
      callUnary(rig.client.setFlags, { mailbox: bob, messageIds, add: ['Seen!'], remove: [] }),
      'INVALID_ARGUMENT',
      /flag number 1/,
    ],
    [
      callUnary(rig.client.deleteMessages, {
        mailbox: bob,
        messageIds: Array.from({ length: 101 }, () => new Uint8Array(16)),
      }),
      'INVALID_ARGUMENT',
      /101 message ids/,
    ],
    [
      callUnary(rig.client.fetchMessages, { mailbox: bob, messageIds: [new Uint8Array(3)] }),
      'INVALID_ARGUMENT',
      /16 bytes/,
    ],
    [
      callUnary(rig.client.getDeliveryStatus, { sender: bob, messageIds }),
      'NOT_FOUND',
      /you have not submitted/,
    ],
  ]
  for (const [call, code, message] of wrong) {
    await expect(call).rejects.toEqual(refusal(code, message))
  }
  expect(await heads()).toBe(before)
})
