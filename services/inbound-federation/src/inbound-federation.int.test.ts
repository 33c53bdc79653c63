import { equal } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { formatId } from '@mailx/crypto/uuid'
import { readBlobs } from '@mailx/event-log/blobs'
import { deliveryLeaf } from '@mailx/federation/delivery-leaf'
import type { PeerChannel } from '@mailx/federation/dial-peer'
import { decodePeerContact, PEERS_CONTACTED } from '@mailx/federation/peers-contacted'
import { receiptLeafOf } from '@mailx/federation/receipt-leaf'
import { makeDomain } from '@mailx/federation/testing/made-domain'
import { callUnary } from '@mailx/grpc/client'
import { openBidi } from '@mailx/grpc/client-stream'
import { verifyInclusion } from '@mailx/merkle/inclusion-proof'
import { rootOf } from '@mailx/merkle/tree-hash'
import {
  type DeliverStreamRequest,
  type DeliverStreamResponse,
  type DeliveryBatch,
  DeliveryMetadata,
  type DeliveryResponse,
  DeliveryServiceClient,
  type Receipt,
} from '@mailx/proto/delivery/v1/delivery_service'
import { PeerServiceClient } from '@mailx/proto/peer/v1/peer_service'
import { verifyStatement } from '@mailx/statement/statement'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type InboundWorld, inboundWorld } from './testing/inbound-world.ts'
import { type MadeDelivery, makeBatch, makeDelivery } from './testing/made-delivery.ts'

let world: InboundWorld
beforeAll(async () => {
  world = await inboundWorld()
})
afterAll(() => world.stop())

const [alice, bob] = ['alice@a.test', 'bob@b.test']

/** Sends frames on one stream and gives the answers to its batches, in order. */
async function deliver(
  channel: PeerChannel,
  ...frames: (DeliveryBatch | Uint8Array)[]
): Promise<DeliverStreamResponse[]> {
  const client = channel.client(DeliveryServiceClient)
  const stream = openBidi<DeliverStreamRequest, DeliverStreamResponse>(client.deliverStream)
  const answers: DeliverStreamResponse[] = []
  const reading = (async () => {
    for await (const answer of stream.responses) answers.push(answer)
  })()
  for (const frame of frames) {
    const value =
      frame instanceof Uint8Array
        ? ({ $case: 'blob', value: frame } as const)
        : ({ $case: 'batch', value: frame } as const)
    await stream.write({ frame: value })
  }
  stream.end()
  await reading
  return answers
}

const batchOf = (...made: MadeDelivery[]) => makeBatch(world.a, 'b.test', made)

async function deliverOne(channel: PeerChannel, made: MadeDelivery): Promise<DeliveryResponse> {
  const [answer] = await deliver(channel, batchOf(made))
  return answer?.responses[0] as DeliveryResponse
}

/** Whether the receipt is b.test's word for these answers to these deliveries. */
function receiptHolds(
  made: readonly MadeDelivery[],
  responses: readonly DeliveryResponse[],
  receipt: Receipt | undefined,
): boolean {
  const publicKey = world.neighbours.certified.get(receipt?.kid ?? '')
  if (receipt === undefined || publicKey === undefined) return false
  const root = rootOf(
    made.map(({ delivery }, at) => receiptLeafOf(delivery, responses[at] as never)),
  )
  const { count, signature, signedAtUnixMs: signedAt } = receipt
  const statement = { origin: 'a.test', destination: 'b.test', root, count, signedAt }
  return (
    equal(root, receipt.root) &&
    verifyStatement('delivery-receipt', statement, signature, publicKey)
  )
}

const received = async (made: MadeDelivery) =>
  (await world.receptions()).filter(({ messageId }) => equal(messageId, made.delivery.messageId))

test('a batch is received: events, sealed bytes, and a signed answer after COMMIT', async () => {
  const channel = await world.connect()
  const made = [makeDelivery(alice, bob), makeDelivery(alice, bob)]
  const [answer] = await deliver(channel, batchOf(...made))
  expect(answer).toMatchObject({
    sequence: 1n,
    responses: [{ status: 'ACCEPTED' }, { status: 'ACCEPTED' }],
  })
  expect(receiptHolds(made, answer?.responses ?? [], answer?.receipt)).toBe(true)

  for (const [at, one] of made.entries()) {
    const [event] = await received(one)
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
  await deliver(await world.connect(), batchOf(...made))
  const second = made[1] as MadeDelivery
  const [event] = await received(second)
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
    ...batchOf(makeDelivery(alice, bob)),
    sequence: BigInt(at + 1),
  }))
  const answers = await deliver(await world.connect(), ...batches)
  expect(answers.map(({ sequence }) => sequence)).toEqual(batches.map(({ sequence }) => sequence))
  expect(answers.every(({ responses }) => responses[0]?.status === 'ACCEPTED')).toBe(true)
})

test('DeliverMessage is a batch of one, with its receipt', async () => {
  const channel = await world.connect()
  const made = makeDelivery(alice, bob)
  const { deliveries, kid, createdAtUnixMs, signature } = batchOf(made)
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
  expect(receiptHolds([made], [response], response.receipt)).toBe(true)
  const noise = { ...request, metadata: new Uint8Array(9).fill(255) }
  await expect(callUnary(client.deliverMessage, noise)).rejects.toMatchObject({
    code: 'INVALID_ARGUMENT',
  })
})

describe('a delivery counts once, for ever:', () => {
  test('again on the same stream, on another connection, after FLUSHALL, after a restart', async () => {
    const made = makeDelivery(alice, bob)
    const batch = batchOf(made)
    const channel = await world.connect()
    const [first, twin] = await deliver(channel, batch, { ...batch, sequence: 2n })
    const answer = first?.responses[0]
    expect(answer?.status).toBe('ACCEPTED')
    expect(twin?.responses[0]).toEqual(answer)

    expect((await deliver(await world.connect(), batch))[0]?.responses[0]).toEqual(answer)
    await world.postgres.pool.query('select 1')
    const { Redis } = await import('ioredis')
    const redis = new Redis(world.redis.url)
    await redis.flushall()
    redis.disconnect()
    expect(await deliverOne(channel, made)).toEqual(answer)
    await world.restart()
    expect(await deliverOne(await world.connect(), made)).toEqual(answer)
    expect(await received(made)).toHaveLength(1)
  })

  test('twice in one batch, and in two batches at once', async () => {
    const made = makeDelivery(alice, bob)
    const [channel, other] = await Promise.all([world.connect(), world.connect()])
    const answers = await Promise.all([
      deliver(channel, batchOf(made, made)),
      deliver(other, batchOf(made)),
    ])
    const responses = answers.flat().flatMap((answer) => answer.responses)
    expect(new Set(responses.map(({ messageId }) => messageId)).size).toBe(1)
    expect(await received(made)).toHaveLength(1)
  })

  test('another message under an old id is refused and changes nothing', async () => {
    const channel = await world.connect()
    const made = makeDelivery(alice, bob)
    await deliverOne(channel, made)
    const { messageId } = made.delivery
    const other = makeDelivery(alice, bob, { delivery: { messageId }, envelope: { messageId } })
    expect(await deliverOne(channel, other)).toMatchObject({
      status: 'REJECTED_INVALID',
      detail: expect.stringMatching(/another message with this id/),
    })
    expect(await received(made)).toHaveLength(1)
  })

  test('the same id from another origin is another message', async () => {
    const made = makeDelivery(alice, bob)
    await deliverOne(await world.connect(), made)
    const { messageId } = made.delivery
    const eve = 'eve@evil.test'
    const theirs = makeDelivery(eve, bob, { delivery: { messageId }, envelope: { messageId } })
    const channel = await world.connect(world.evil)
    const [answer] = await deliver(channel, makeBatch(world.evil, 'b.test', [theirs]))
    expect(answer?.responses[0]?.status).toBe('ACCEPTED')
    expect(await received(made)).toHaveLength(2)
  })
})

describe('refused, with a signed answer, and nothing stored:', () => {
  const refused = async (batch: DeliveryBatch, made: readonly MadeDelivery[], from = world.a) => {
    const before = (await world.receptions()).length
    const [answer] = await deliver(await world.connect(from), batch)
    expect(receiptHolds(made, answer?.responses ?? [], answer?.receipt)).toBe(from === world.a)
    expect(await world.receptions()).toHaveLength(before)
    return answer?.responses[0]
  }
  const invalid = (detail: RegExp) => ({
    status: 'REJECTED_INVALID',
    detail: expect.stringMatching(detail),
  })

  test('a relay: a message of a third domain', async () => {
    const made = makeDelivery('carol@c.test', bob)
    expect(await refused(batchOf(made), [made])).toMatchObject(invalid(/address of a\.test/))
  })

  test('another domain’s signed batch, replayed in one’s own name', async () => {
    const made = makeDelivery(alice, bob)
    const stolen = batchOf(made)
    expect(await refused(stolen, [made], world.evil)).toMatchObject({ status: 'REJECTED_INVALID' })
  })

  test('a batch that was signed for another domain', async () => {
    const made = makeDelivery(alice, bob)
    const batch = makeBatch(world.a, 'c.test', [made])
    expect(await refused(batch, [made])).toMatchObject(invalid(/for b\.test/))
  })

  test('a recipient elsewhere', async () => {
    const made = makeDelivery(alice, 'carol@c.test')
    expect(await refused(batchOf(made), [made])).toMatchObject(invalid(/address of b\.test/))
  })

  test('a tampered content, envelope or signature', async () => {
    const made = makeDelivery(alice, bob)
    const batch = batchOf(made)
    const flip = (bytes: Uint8Array) => bytes.map((byte, at) => (at === 9 ? byte ^ 1 : byte))
    const [delivery] = batch.deliveries
    if (delivery === undefined) throw new Error('no delivery')
    const tampered = [
      { ...batch, contents: batch.contents.map(flip) },
      { ...batch, deliveries: [{ ...delivery, envelope: flip(delivery.envelope) }] },
      { ...batch, signature: flip(batch.signature) },
    ]
    for (const one of tampered) {
      expect(await refused(one, [made])).toMatchObject(invalid(/not signed by a\.test/))
    }
  })

  test('an envelope about another content, signed by the origin all the same', async () => {
    const made = makeDelivery(alice, bob, { envelope: { contentHash: new Uint8Array(32) } })
    expect(await refused(batchOf(made), [made])).toMatchObject(invalid(/another content/))
  })

  test('an expired message and one from the future', async () => {
    const old = makeDelivery(alice, bob, { now: Date.now() - 6 * 86_400_000 })
    expect(await refused(batchOf(old), [old])).toMatchObject(invalid(/expired/))
    const early = makeDelivery(alice, bob, { now: Date.now() + 6 * 60_000 })
    expect(await refused(batchOf(early), [early])).toMatchObject(invalid(/future/))
  })

  test('a content over 1 MiB, a batch over its limits', async () => {
    const large = makeDelivery(alice, bob, { content: new Uint8Array(1024 * 1024) })
    expect(await refused(batchOf(large), [large])).toMatchObject({ status: 'TOO_LARGE' })
    const many = Array.from({ length: 65 }, () =>
      makeDelivery(alice, bob, { content: new Uint8Array(1) }),
    )
    expect(await refused(batchOf(...many), many)).toMatchObject({
      status: 'TOO_LARGE',
      detail: expect.stringMatching(/64 deliveries/),
    })
  })

  test('an attachment that was not sent before', async () => {
    const delivery = { attachmentHashes: [new Uint8Array(32)] }
    const made = makeDelivery(alice, bob, { delivery })
    expect(await refused(batchOf(made), [made])).toMatchObject(invalid(/not sent before/))
  })
})

test('one bad delivery in a batch does not hold up the others', async () => {
  const good = makeDelivery(alice, bob)
  const bad = makeDelivery('carol@c.test', bob)
  const [answer] = await deliver(await world.connect(), batchOf(bad, good))
  expect(answer?.responses.map(({ status }) => status)).toEqual(['REJECTED_INVALID', 'ACCEPTED'])
  expect(receiptHolds([bad, good], answer?.responses ?? [], answer?.receipt)).toBe(true)
})

test('attachments come ahead in parts, and only who sent a part may name it', async () => {
  const part = new Uint8Array(300_000).fill(7)
  const delivery = { attachmentHashes: [blake2b256(part)] }
  const made = makeDelivery(alice, bob, { delivery })
  const [answer] = await deliver(await world.connect(), part, batchOf(made))
  expect(answer?.responses[0]?.status).toBe('ACCEPTED')
  const [event] = await received(made)
  expect(event?.attachments).toEqual([{ hash: blake2b256(part), size: 300_000 }])

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
    const response = await deliverOne(channel, made)
    shapes.add(
      JSON.stringify(
        { ...response, messageId: response.messageId.length, timestamp: 0 },
        (_, value: unknown) => (typeof value === 'bigint' ? 'time' : value),
      ),
    )
    const [event] = await received(made)
    expect(event?.disposition).toBe(recipient === bob ? 'DISPOSITION_DELIVER' : 'DISPOSITION_DROP')
    const kept = await readBlobs(world.postgres.pool, [blake2b256(made.content)])
    expect(kept).toHaveLength(recipient === bob ? 1 : 0)
    expect(await deliverOne(channel, made)).toEqual(response)
  }
  expect(shapes.size).toBe(1)
})

test('a peer that authorizes itself is announced to outbound', async () => {
  const subscription = world.nats.subscribe(PEERS_CONTACTED)
  await world.nats.flush()
  await world.connect()
  for await (const { data } of subscription) {
    expect(decodePeerContact(data)).toBe('a.test')
    break
  }
})

test('GetServerInfo tells limits, versions, document and checkpoint', async () => {
  const client = (await world.connect()).client(DeliveryServiceClient)
  expect(await callUnary(client.getServerInfo, {})).toMatchObject({
    domain: 'b.test',
    minProtocol: 1,
    maxProtocol: 1,
    maxBatchDeliveries: 64,
    maxBatchBytes: 4 * 1024 * 1024,
    checkpoint: 'the checkpoint of b.test',
    domainDocument: world.b.documentBytes,
  })
})

test('a key look-up goes to directory in the name of the certificate', async () => {
  const client = (await world.connect()).client(PeerServiceClient)
  const answer = await callUnary(client.lookUpKeys, { asker: alice, addresses: [bob] })
  expect(answer.answers).toEqual([{ address: bob, bundle: undefined }])
  expect(answer.padding).toHaveLength(100)
  expect(world.neighbours.lookUps.at(-1)).toEqual({
    askingDomain: 'a.test',
    asker: alice,
    addresses: [bob],
  })
  const elsewhere = callUnary(client.lookUpKeys, { asker: alice, addresses: ['carol@c.test'] })
  await expect(elsewhere).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('before Authorize no mail is taken', async () => {
  const channel = await world.dial(world.a)
  const made = makeDelivery(alice, bob)
  await expect(deliver(channel, batchOf(made))).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  expect(await received(made)).toEqual([])
})

test('a domain created while it runs is served without restart', async () => {
  const client = (await world.connect()).client(DeliveryServiceClient)
  await callUnary(client.getServerInfo, {})
  await expect(world.dial(world.a, await makeDomain('new.test'))).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
})

test('a peer that renewed its deliver key is looked up anew', async () => {
  const renewed = await makeDomain('evil.test', {
    domainKey: world.evil.domainKey,
    keys: { tls: world.evil.keys.tls },
    change: (document) => ({ ...document, serial: 2 }),
  })
  const channel = await world.connect(world.evil)
  world.neighbours.setPeer(renewed)
  const made = makeDelivery('eve@evil.test', bob)
  const key = { ...renewed.keys.deliver, kid: 'deliver-2' }
  const batch = makeBatch({ ...renewed, keys: { ...renewed.keys, deliver: key } }, 'b.test', [made])
  const [answer] = await deliver(channel, batch)
  expect(answer?.responses[0]).toMatchObject({ status: 'TRY_LATER' })
  expect(world.neighbours.freshLooks).toContain('evil.test')
  await eventually(() => world.neighbours.freshLooks.length > 0)
})
