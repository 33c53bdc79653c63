import { callUnary } from '@mailx/grpc/client'
import { sealAnnouncement } from '@mailx/messaging/announcement'
import type { Notification } from '@mailx/proto/client/v1/client_service'
import {
  DeliveryState,
  type MailboxChange,
  MailboxesChanged,
} from '@mailx/proto/storage/v1/storage_service'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type GatewayRig, startRig } from '../testing/gateway-rig.ts'

const SUBJECT = 'mailboxes.changed'

let rig: GatewayRig
beforeAll(async () => {
  rig = await startRig()
})
afterAll(() => rig.stop())

async function openStream(user: string) {
  const { metadata } = rig.signedIn(rig.tokenFor(user))
  const call = rig.client.subscribe({}, metadata)
  const heard: Notification[] = []
  call.on('error', () => undefined)
  const first = await new Promise<Notification>((resolve) => {
    call.once('data', (notification: Notification) => {
      call.pause()
      resolve(notification)
    })
  })
  expect(first.event?.$case).toBe('resync')
  const listen = () => {
    call.on('data', (notification: Notification) => heard.push(notification))
    call.resume()
  }
  return { call, heard, listen }
}

const entry = (mailbox: string, n: number): MailboxChange => ({
  mailbox,
  entry: {
    messageId: new Uint8Array(16).fill(n),
    sender: 'alice@a.test',
    createdAtUnixMs: 1n,
    receivedAtUnixMs: BigInt(Date.now()),
    size: n,
    flags: [],
    deleted: false,
  },
  traceparent: '',
})

function announce(changes: readonly MailboxChange[], key = rig.busKey): void {
  const bytes = MailboxesChanged.encode({ changes }).finish()
  rig.nats.publish(SUBJECT, sealAnnouncement([key], SUBJECT, bytes))
}

const sizes = (heard: readonly Notification[]) =>
  heard.map(({ event }) => (event?.$case === 'entry' ? event.value.size : event?.$case))

test('a stream hears what concerns its mailbox, in order, and nothing else', async () => {
  const bob = await openStream('bob@a.test')
  const other = await openStream('other@a.test')
  bob.listen()
  other.listen()
  announce([entry('bob@a.test', 1), entry('carl@a.test', 2), entry('bob@a.test', 3)])
  announce([entry('bob@a.test', 4), entry('other@a.test', 5)])
  await eventually(() => bob.heard.length === 3 && other.heard.length === 1)
  expect(sizes(bob.heard)).toEqual([1, 3, 4])
  expect(sizes(other.heard)).toEqual([5])
  bob.call.cancel()
  other.call.cancel()
})

test('every open stream of a mailbox hears, also of delivery states', async () => {
  const streams = [await openStream('two@a.test'), await openStream('two@a.test')]
  for (const stream of streams) stream.listen()
  const recipient = {
    recipient: 'x@c.test',
    state: DeliveryState.BOUNCED,
    code: 'EXPIRED',
    reason: '',
    changedAtUnixMs: 1n,
    delayed: false,
  }
  const status = { messageId: new Uint8Array(16), acceptedAtUnixMs: 0n, recipients: [recipient] }
  announce([{ mailbox: 'two@a.test', status, traceparent: '' }])
  for (const { heard } of streams) await expect.poll(() => sizes(heard)).toEqual(['status'])
  for (const { call } of streams) call.cancel()
})

test('when announcements may have been lost, every stream is told to list', async () => {
  const streams = [await openStream('gap-1@a.test'), await openStream('gap-2@a.test')]
  for (const stream of streams) stream.listen()
  announce([entry('gap-1@a.test', 1), { mailbox: '', traceparent: '' }])
  for (const { heard } of streams) await expect.poll(() => sizes(heard).at(-1)).toBe('resync')
  announce([entry('gap-2@a.test', 2)])
  await expect.poll(() => sizes(streams[1]?.heard ?? [])).toEqual(['resync', 2])
  for (const { call } of streams) call.cancel()
})

test('an announcement that nobody here made is not passed on', async () => {
  const dora = await openStream('dora@a.test')
  dora.listen()
  announce([entry('dora@a.test', 1)], new Uint8Array(32))
  rig.nats.publish(SUBJECT, new Uint8Array(100))
  announce([entry('dora@a.test', 2)])
  await eventually(() => dora.heard.length > 0)
  expect(sizes(dora.heard)).toEqual([2])
  dora.call.cancel()
})

test('a reader that is too slow is told to list, and the others hear everything', async () => {
  const slow = await openStream('slow@a.test')
  const quick = await openStream('quick@a.test')
  quick.listen()
  slow.call.pause()
  const flags = Array.from({ length: 60 }, (_, n) => `keyword-number-${n}`)
  const wide = (mailbox: string, n: number) => {
    const change = entry(mailbox, n)
    return { ...change, ...(change.entry && { entry: { ...change.entry, flags } }) }
  }
  for (let round = 0; round < 30; round += 1) {
    announce(Array.from({ length: 200 }, (_, n) => wide('slow@a.test', n)))
    announce([entry('quick@a.test', round)])
  }
  await eventually(() => quick.heard.length === 30)
  slow.listen()
  slow.call.resume()
  await eventually(() => sizes(slow.heard).includes('resync'))
  expect(slow.heard.length).toBeLessThan(30 * 200)
  slow.call.cancel()
  quick.call.cancel()
})

test('after NATS was away every stream is told to list', async () => {
  const gina = await openStream('gina@a.test')
  gina.listen()
  await rig.nats.reconnect()
  await eventually(() => sizes(gina.heard).join() === 'resync')
  announce([entry('gina@a.test', 7)])
  await expect.poll(() => sizes(gina.heard)).toEqual(['resync', 7])
  gina.call.cancel()
})

test('a mailbox call says so when storage is away', async () => {
  const request = { cursor: new Uint8Array(0), limit: 10 }
  await expect(callUnary(rig.client.listMessages, request, rig.asAlice)).rejects.toEqual(
    expect.objectContaining({ code: 'UNAVAILABLE' }),
  )
})
