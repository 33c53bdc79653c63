import { equal } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { formatId } from '@mailx/crypto/uuid'
import { deliveryLeaf } from '@mailx/delivery/delivery-leaf'
import { readBlobs } from '@mailx/event-log/blobs'
import { callUnary } from '@mailx/grpc/client'
import { verifyInclusion } from '@mailx/merkle/inclusion-proof'
import { DeliveryMetadata, DeliveryServiceClient } from '@mailx/proto/delivery/v1/delivery_service'
import { verifyStatement } from '@mailx/statement/statement'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { batchOf, deliver, deliverOne, receiptHolds, receptionsOf } from './testing/deliver.ts'
import { type InboundWorld, inboundWorld } from './testing/inbound-world.ts'
import { type MadeDelivery, makeBatch, makeDelivery } from './testing/made-delivery.ts'

let world: InboundWorld
beforeAll(async () => {
  world = await inboundWorld()
})
afterAll(() => world.stop())

const [alice, bob] = ['alice@a.test', 'bob@b.test']

test('a batch is received: events, sealed bytes, and a signed answer after COMMIT', async () => {
  const channel = await world.connect()
  const made = [makeDelivery(alice, bob), makeDelivery(alice, bob)]
  const [answer] = await deliver(channel, batchOf(world, ...made))
  expect(answer).toMatchObject({
    sequence: 1n,
    responses: [{ status: 'ACCEPTED' }, { status: 'ACCEPTED' }],
  })
  expect(receiptHolds(world, made, answer ?? { responses: [] })).toBe(true)

  for (const [at, one] of made.entries()) {
    const [event] = await receptionsOf(world, one)
    expect(event).toMatchObject({
      origin: 'a.test',
      sender: alice,
      recipient: bob,
      disposition: 'DISPOSITION_DELIVER',
      contentSize: 2048,
    })
    expect(formatId(event?.acceptedId ?? new Uint8Array(16))).toBe(answer?.responses[at]?.messageId)
    const blobs = await readBlobs(world.postgres.pool, [
      blake2b256(one.content),
      blake2b256(one.delivery.envelope),
    ])
    expect(blobs).toHaveLength(2)
  }
})

test('what is recorded proves the origin’s word for one delivery without the others', async () => {
  const made = [makeDelivery(alice, bob), makeDelivery(alice, bob), makeDelivery(alice, bob)]
  await deliver(await world.connect(), batchOf(world, ...made))
  const second = made[1] as MadeDelivery
  const [event] = await receptionsOf(world, second)
  const proof = event?.proof
  if (event === undefined || proof === undefined) throw new Error('no proof')
  const leafHash = deliveryLeaf({
    ...event,
    destination: 'b.test',
    createdAt: Number(event.createdAtUnixMs),
    expiresAt: Number(event.expiresAtUnixMs),
  })
  const { count: size, index, path, root, signature } = proof
  expect(verifyInclusion({ leafHash, index, size, root, proof: [...path] })).toBe(true)
  const createdAt = proof.batchCreatedAtUnixMs
  const statement = { origin: 'a.test', destination: 'b.test', root, count: size, createdAt }
  const { publicKey } = world.a.keys.deliver
  expect(verifyStatement('delivery-batch', statement, signature, publicKey)).toBe(true)
})

test('batches of one stream are answered in their order', async () => {
  const batches = Array.from({ length: 20 }, (_, at) => ({
    ...batchOf(world, makeDelivery(alice, bob)),
    sequence: BigInt(at + 1),
  }))
  const answers = await deliver(await world.connect(), ...batches)
  expect(answers.map(({ sequence }) => sequence)).toEqual(batches.map(({ sequence }) => sequence))
  expect(answers.every(({ responses }) => responses[0]?.status === 'ACCEPTED')).toBe(true)
})

test('DeliverMessage is a batch of one, with its receipt', async () => {
  const channel = await world.connect()
  const made = makeDelivery(alice, bob)
  const { deliveries, kid, createdAtUnixMs, signature } = batchOf(world, made)
  const [delivery] = deliveries
  if (delivery === undefined) throw new Error('no delivery')
  const metadata = DeliveryMetadata.fromPartial({
    messageId: delivery.messageId,
    createdAtUnixMs: delivery.createdAtUnixMs,
    expiresAtUnixMs: delivery.expiresAtUnixMs,
    kid,
    batchCreatedAtUnixMs: createdAtUnixMs,
  } as DeliveryMetadata)
  const request = {
    sender: alice,
    recipient: bob,
    encryptedBlob: made.content,
    metadata: DeliveryMetadata.encode(metadata).finish(),
    senderSignature: signature,
    envelope: delivery.envelope,
  }
  const client = channel.client(DeliveryServiceClient)
  const response = await callUnary(client.deliverMessage, request)
  expect(response.status).toBe('ACCEPTED')
  expect(receiptHolds(world, [made], { responses: [response], receipt: response.receipt })).toBe(
    true,
  )
  const noise = { ...request, metadata: new Uint8Array(9).fill(255) }
  await expect(callUnary(client.deliverMessage, noise)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  })
})

test('one bad delivery in a batch does not hold up the others', async () => {
  const good = makeDelivery(alice, bob)
  const bad = makeDelivery('carol@c.test', bob)
  const [answer] = await deliver(await world.connect(), batchOf(world, bad, good))
  expect(answer?.responses.map(({ status }) => status)).toEqual(['REJECTED_INVALID', 'ACCEPTED'])
  expect(receiptHolds(world, [bad, good], answer ?? { responses: [] })).toBe(true)
})

test('attachments come ahead in parts, and only who sent a part may name it', async () => {
  const part = new Uint8Array(300_000).fill(7)
  const delivery = { attachmentHashes: [blake2b256(part)] }
  const made = makeDelivery(alice, bob, { delivery })
  const [answer] = await deliver(await world.connect(), part, batchOf(world, made))
  expect(answer?.responses[0]?.status).toBe('ACCEPTED')
  const [event] = await receptionsOf(world, made)
  const [attachment] = event?.attachments ?? []
  expect(attachment?.size).toBe(300_000)
  expect(equal(attachment?.hash ?? part, blake2b256(part))).toBe(true)

  const theirs = makeDelivery('eve@evil.test', bob, { delivery })
  const channel = await world.connect(world.evil)
  const [refusal] = await deliver(channel, makeBatch(world.evil, 'b.test', [theirs]))
  expect(refusal?.responses[0]).toMatchObject({ status: 'REJECTED_INVALID' })
})

test('a frame that is too large or empty ends the stream with a reason', async () => {
  const channel = await world.connect()
  await expect(deliver(channel, new Uint8Array(1024 * 1024 + 1))).rejects.toMatchObject({
    code: 'TOO_LARGE',
  })
  await expect(deliver(channel, new Uint8Array(0))).rejects.toMatchObject({ code: 'TOO_LARGE' })
})

test('nobody can tell from the answer whether a recipient exists', async () => {
  const channel = await world.connect()
  const shapes = new Set<string>()
  for (const recipient of [bob, 'nobody@b.test', bob, 'no.one@b.test']) {
    const made = makeDelivery(alice, recipient)
    const response = await deliverOne(world, channel, made)
    shapes.add(
      JSON.stringify(
        { ...response, messageId: response.messageId.length, timestamp: 0 },
        (_, value: unknown) => (typeof value === 'bigint' ? 'time' : value),
      ),
    )
    const [event] = await receptionsOf(world, made)
    expect(event?.disposition).toBe(recipient === bob ? 'DISPOSITION_DELIVER' : 'DISPOSITION_DROP')
    const kept = await readBlobs(world.postgres.pool, [blake2b256(made.content)])
    expect(kept).toHaveLength(recipient === bob ? 1 : 0)
    expect(await deliverOne(world, channel, made)).toEqual(response)
  }
  expect(shapes.size).toBe(1)
})
