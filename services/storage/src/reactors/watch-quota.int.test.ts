import { decodeEvent } from '@mailx/events/codec'
import { mailboxEvents } from '@mailx/events/mailbox'
import { callUnary } from '@mailx/grpc/client'
import { Route } from '@mailx/proto/submission/v1/events'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { receive, submit } from '../testing/sample-events.ts'
import { type StorageRig, startRig } from '../testing/storage-rig.ts'

const QUOTA = 2000

let rig: StorageRig
beforeAll(async () => {
  rig = await startRig({ DEFAULT_QUOTA_BYTES: String(QUOTA) })
})
afterAll(() => rig.stop())

const crossings = async (mailbox: string) => {
  const stream = `mailbox/${mailbox}`
  const stored = await rig.log.readStream({ context: 'mailbox', key: mailbox, stream })
  return stored
    .map((event) => decodeEvent(mailboxEvents, event))
    .filter((event) => event?.type === 'MailboxFilled' || event?.type === 'MailboxFreed')
    .map((event) => event?.type)
}

const content = new Uint8Array(500).fill(1)

test('a mailbox is full once, has room once, and is full again', async () => {
  const mailbox = 'bob@b.test'
  const samples = []
  for (let n = 0; n < 6; n += 1) {
    const from = `s${n}@a.test`
    samples.push(await submit(rig.log, { from, to: { [mailbox]: Route.LOCAL }, content }))
  }
  await rig.entries(mailbox, 6)
  await eventually(async () => (await crossings(mailbox)).join() === 'MailboxFilled')

  const messageIds = samples.slice(0, 5).map(({ messageId }) => messageId)
  await callUnary(rig.client.deleteMessages, { mailbox, messageIds })
  await eventually(async () => (await crossings(mailbox)).length === 2)
  for (let n = 0; n < 4; n += 1) await receive(rig.log, { to: mailbox })
  await eventually(async () => (await crossings(mailbox)).length === 3)
  expect(await crossings(mailbox)).toEqual(['MailboxFilled', 'MailboxFreed', 'MailboxFilled'])
})

test('a mailbox far from its quota costs no event, and one that many fill at once one', async () => {
  const few = 'carol@b.test'
  const many = 'dave@b.test'
  await submit(rig.log, { to: { [few]: Route.LOCAL } })
  await Promise.all(
    Array.from({ length: 30 }, (_, n) =>
      submit(rig.log, { from: `m${n}@a.test`, to: { [many]: Route.LOCAL }, content }),
    ),
  )
  await rig.entries(many, 30)
  await eventually(async () => (await crossings(many)).length > 0)
  expect(await crossings(many)).toEqual(['MailboxFilled'])
  expect(await crossings(few)).toEqual([])
  const usage = await callUnary(rig.client.getUsage, { mailbox: many })
  expect(usage).toMatchObject({ quotaBytes: BigInt(QUOTA), messages: 30n })
})
