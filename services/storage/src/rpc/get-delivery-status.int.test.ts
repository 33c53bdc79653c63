import { randomBytes } from '@mailx/crypto/random'
import { callUnary } from '@mailx/grpc/client'
import { DeliveryState } from '@mailx/proto/storage/v1/storage_service'
import { Route } from '@mailx/proto/submission/v1/events'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { report, type Sample, submit } from '../testing/sample-events.ts'
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

const copyOf = (sample: Sample, recipient: string) => ({
  messageId: sample.messageId,
  sender: sample.sender,
  recipient,
  peer: 'd.test',
})

const statusOf = async (sample: Sample) => {
  const { sender, messageId } = sample
  const request = { sender, messageIds: [messageId] }
  const { messages } = await callUnary(rig.client.getDeliveryStatus, request)
  return Object.fromEntries(
    (messages[0]?.recipients ?? []).map((recipient) => [recipient.recipient, recipient]),
  )
}

test('the sender is told the truth about every copy', async () => {
  const bob = newMailbox()
  const alice = newMailbox()
  const dave = 'dave@d.test'
  const nobody = 'nobody@b.test'
  const sample = await submit(rig.log, {
    from: alice,
    to: { [bob]: Route.LOCAL, [dave]: Route.REMOTE, [nobody]: Route.UNDELIVERABLE },
  })
  await rig.entries(bob, 1)
  expect(await statusOf(sample)).toMatchObject({
    [bob]: { state: DeliveryState.DELIVERED },
    [dave]: { state: DeliveryState.ACCEPTED },
    [nobody]: { state: DeliveryState.BOUNCED, reason: 'recipient cannot be reached' },
  })

  const copy = copyOf(sample, dave)
  const deferred = { ...copy, code: 'UNAVAILABLE', reason: 'd.test is away', attempts: 1 }
  await report(rig.log, { type: 'DeliveryDeferred', data: deferred })
  await report(rig.log, {
    type: 'DeliveryDelayed',
    data: { ...copy, reason: 'd.test is away for an hour' },
  })
  await eventually(async () => {
    expect((await statusOf(sample))[dave]).toMatchObject({
      state: DeliveryState.DEFERRED,
      code: 'UNAVAILABLE',
      reason: 'd.test is away for an hour',
      delayed: true,
    })
  })
  const bounced = { ...copy, code: 'EXPIRED', reason: 'given up' }
  await report(rig.log, { type: 'DeliveryBounced', data: bounced })
  await eventually(async () => {
    expect((await statusOf(sample))[dave]).toMatchObject({
      state: DeliveryState.BOUNCED,
      code: 'EXPIRED',
      delayed: true,
    })
  })
  const states = () =>
    rig.announced
      .filter(({ mailbox, status }) => mailbox === alice && status)
      .flatMap(({ status }) => status?.recipients ?? [])
      .map(({ recipient, state }) => `${recipient} ${state}`)
  await eventually(() => states().at(-1) === `${dave} ${DeliveryState.BOUNCED}`)
  expect(states()).toContain(`${nobody} ${DeliveryState.BOUNCED}`)
  expect(states()).toContain(`${dave} ${DeliveryState.DEFERRED}`)
})

test('a delivery that succeeded is delivered', async () => {
  const sample = await submit(rig.log, { to: { 'erin@d.test': Route.REMOTE } })
  const copy = copyOf(sample, 'erin@d.test')
  const receipt = { acceptedId: randomBytes(16), acceptedAtUnixMs: 1n, receipt: randomBytes(64) }
  await report(rig.log, { type: 'DeliverySucceeded', data: { ...copy, ...receipt } })
  await eventually(async () => {
    expect((await statusOf(sample))['erin@d.test']?.state).toBe(DeliveryState.DELIVERED)
  })
})

test('what somebody else submitted under this id is nobody else’s to see', async () => {
  const { messageId } = await submit(rig.log, { to: { [newMailbox()]: Route.LOCAL } })
  await expect(
    callUnary(rig.client.getDeliveryStatus, { sender: newMailbox(), messageIds: [messageId] }),
  ).rejects.toEqual(refusal('NOT_FOUND'))
})
