import { toHex } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { formatId } from '@mailx/crypto/uuid'
import { receiptLeafOf } from '@mailx/delivery/receipt-leaf'
import { callUnary } from '@mailx/grpc/client'
import { verifyInclusion } from '@mailx/merkle/inclusion-proof'
import { DeliveryResponse, Receipt } from '@mailx/proto/delivery/v1/delivery_service'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  idsOf,
  type Outbound,
  type OutboundRig,
  outboundRig,
  type Submitted,
} from './testing/outbound-rig.ts'
import { accepted } from './testing/scripted-peer.ts'

let rig: OutboundRig
let outbound: Outbound
beforeAll(async () => {
  rig = await outboundRig()
  outbound = await rig.start()
})
afterAll(() => rig.stop())

test('a message goes out, and its receipt is kept, provable alone', async () => {
  const { name, peer } = await rig.newPeer()
  const to = [`bob@${name}`, `bea@${name}`]
  const message = await rig.submit({ to })
  await rig.allDelivered(to.map((recipient) => ({ message, recipient })))

  const received = peer.received()
  expect(received.map(({ delivery }) => delivery.recipient)).toEqual(to)
  for (const { content, delivery } of received) {
    expect(toHex(content)).toBe(toHex(message.content))
    expect(toHex(delivery.messageId)).toBe(toHex(message.messageId))
  }
  expect(peer.batches[0]?.contents).toHaveLength(1)

  const [event] = await rig.eventsOf(message, `bea@${name}`)
  if (event?.type !== 'DeliverySucceeded') throw new Error(event?.type)
  const { acceptedAtUnixMs, acceptedId, peer: domain } = event.data
  expect(domain).toBe(name)
  const receipt = Receipt.decode(event.data.receipt)
  const leafHash = receiptLeafOf(
    { recipient: `bea@${name}`, messageId: message.messageId },
    DeliveryResponse.create({ messageId: formatId(acceptedId), timestamp: acceptedAtUnixMs }),
  )
  const { count: size, index, path: proof, root } = receipt
  expect(verifyInclusion({ leafHash, index, size, root, proof })).toBe(true)
})

test('recipients here and at other domains are nobody’s business', async () => {
  const { name, peer } = await rig.newPeer()
  const other = await rig.newPeer()
  const message = await rig.submit({
    to: ['carol@a.test', `bob@${name}`, `dora@${other.name}`],
  })
  expect(await rig.outcomes(message, `bob@${name}`)).toEqual(['DeliverySucceeded'])
  expect(await rig.outcomes(message, `dora@${other.name}`)).toEqual(['DeliverySucceeded'])
  expect(peer.received().map(({ delivery }) => delivery.recipient)).toEqual([`bob@${name}`])
  expect(await rig.typesOf(message, 'carol@a.test')).toEqual([])
})

test('attachments go ahead of the batch that names them', async () => {
  const { name, peer } = await rig.newPeer()
  const message = await rig.submit({ to: [`bob@${name}`, `bea@${name}`], attachments: 3 })
  expect(await rig.outcomes(message, `bob@${name}`)).toEqual(['DeliverySucceeded'])
  const hashes = message.attachments.map((part) => toHex(blake2b256(part)))
  expect(peer.blobs.map((part) => toHex(blake2b256(part)))).toEqual(hashes)
  expect(peer.received()[0]?.delivery.attachmentHashes.map(toHex)).toEqual(hashes)
})

test('many messages share one connection and few batches', async () => {
  const { name, peer } = await rig.newPeer()
  const messages = await Promise.all(
    Array.from({ length: 300 }, (_, n) =>
      rig.submit({ from: `u${n}@a.test`, to: [`bob@${name}`] }),
    ),
  )
  await rig.allDelivered(messages.map((message) => ({ message, recipient: `bob@${name}` })))
  expect(peer.authorized).toBe(1)
  expect(new Set(idsOf(peer)).size).toBe(300)
  expect(peer.received()).toHaveLength(300)
  expect(peer.batches.length).toBeLessThan(100)
  for (const { deliveries } of peer.batches) expect(deliveries.length).toBeLessThanOrEqual(64)
})

test('a batch stays under four megabytes', async () => {
  const { name, peer } = await rig.newPeer()
  const messages = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      rig.submit({ from: `u${n}@a.test`, to: [`bob@${name}`], contentBytes: 900_000 }),
    ),
  )
  await rig.allDelivered(messages.map((message) => ({ message, recipient: `bob@${name}` })))
  for (const { contents } of peer.batches) {
    const bytes = contents.reduce((sum, content) => sum + content.length, 0)
    expect(bytes).toBeLessThanOrEqual(4 * 1024 * 1024)
  }
})

test('messages of one sender to one recipient are taken in their order, also when some must wait', async () => {
  const { name, peer } = await rig.newPeer()
  const taken: string[] = []
  peer.script = ({ deliveries }) => {
    if (peer.batches.length % 2 === 1) return () => ({ status: 'TRY_LATER', retryAfterMs: 10 })
    taken.push(...deliveries.map(({ messageId }) => toHex(messageId)))
    return accepted
  }
  const messages: Submitted[] = []
  for (let n = 0; n < 20; n += 1) messages.push(await rig.submit({ to: [`bob@${name}`] }))
  for (const message of messages) await rig.outcomes(message, `bob@${name}`)
  expect(taken).toEqual(messages.map(({ messageId }) => toHex(messageId)))
})

test('a message whose sealed bytes were erased bounces, the others of its batch go', async () => {
  const { name } = await rig.newPeer()
  const [erased, good] = await Promise.all([
    rig.submit({ to: [`bob@${name}`], withoutBlobs: true }),
    rig.submit({ from: 'ann@a.test', to: [`bob@${name}`] }),
  ])
  expect(await rig.outcomes(erased, `bob@${name}`)).toEqual(['DeliveryBounced'])
  expect(await rig.outcomes(good, `bob@${name}`)).toEqual(['DeliverySucceeded'])
})

test('keys are looked up over the same connection', async () => {
  const { name, peer } = await rig.newPeer()
  const message = await rig.submit({ to: [`bob@${name}`] })
  expect(await rig.outcomes(message, `bob@${name}`)).toEqual(['DeliverySucceeded'])
  const request = { from: 'a.test', to: name, asker: 'alice@a.test', addresses: [`bob@${name}`] }
  const { answers } = await callUnary(outbound.client.lookUpPeerKeys, request)
  expect(answers.map(({ address }) => address)).toEqual([`bob@${name} for alice@a.test`])
  expect(peer.authorized).toBe(1)

  const elsewhere = callUnary(outbound.client.lookUpPeerKeys, {
    ...request,
    to: 'nowhere.test',
    addresses: ['x@nowhere.test'],
  })
  await expect(elsewhere).rejects.toMatchObject({ code: 'DOMAIN_NOT_FOUND' })
  const foreign = callUnary(outbound.client.lookUpPeerKeys, { ...request, addresses: ['x@c.test'] })
  await expect(foreign).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})
