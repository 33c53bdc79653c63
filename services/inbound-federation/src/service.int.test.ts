import { equal } from '@mailx/crypto/encoding'
import { decodePeerContact, PEERS_CONTACTED } from '@mailx/federation/peers-contacted'
import { makeDomain } from '@mailx/federation/testing/made-domain'
import { callUnary } from '@mailx/grpc/client'
import { DeliveryServiceClient } from '@mailx/proto/delivery/v1/delivery_service'
import { PeerServiceClient } from '@mailx/proto/peer/v1/peer_service'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { batchOf, deliver, receptionsOf } from './testing/deliver.ts'
import { type InboundWorld, inboundWorld } from './testing/inbound-world.ts'
import { makeBatch, makeDelivery } from './testing/made-delivery.ts'

let world: InboundWorld
beforeAll(async () => {
  world = await inboundWorld()
})
afterAll(() => world.stop())

const [alice, bob] = ['alice@a.test', 'bob@b.test']

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
  const info = await callUnary(client.getServerInfo, {})
  expect(info).toMatchObject({
    domain: 'b.test',
    minProtocol: 1,
    maxProtocol: 1,
    maxBatchDeliveries: 64,
    maxBatchBytes: 4 * 1024 * 1024,
    checkpoint: 'the checkpoint of b.test',
  })
  expect(equal(info.domainDocument, world.b.documentBytes)).toBe(true)
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
  await expect(deliver(channel, batchOf(world, made))).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
  })
  expect(await receptionsOf(world, made)).toEqual([])
})

test('a domain that is created while it runs is served without restart', async () => {
  const fresh = await makeDomain('new.test')
  await expect(world.dial(world.a, fresh)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  world.neighbours.host(fresh)
  await world.hostDomain('new.test')
  const channel = await eventually(() => world.connect(world.a, fresh))
  const client = channel.client(DeliveryServiceClient)
  expect(await callUnary(client.getServerInfo, {})).toMatchObject({ domain: 'new.test' })
})

test('a deliver key that the peer has renewed is found in a fresh document', async () => {
  const { evil } = world
  const channel = await world.connect(evil)
  const made = makeDelivery('eve@evil.test', bob)
  const renewed = await makeDomain('evil.test', {
    domainKey: evil.domainKey,
    keys: { tls: evil.keys.tls },
    kids: { deliver: 'deliver-2' },
    serial: 2,
  })
  const unknown = makeBatch(renewed, 'b.test', [makeDelivery('eve@evil.test', bob)])
  world.neighbours.setPeer(renewed)
  const [answer] = await deliver(channel, makeBatch(renewed, 'b.test', [made]))
  expect(answer?.responses[0]).toMatchObject({ status: 'ACCEPTED' })
  expect(world.neighbours.freshLooks).toEqual(['evil.test'])

  const [refusal] = await deliver(channel, { ...unknown, kid: 'deliver-3' })
  expect(refusal?.responses[0]).toMatchObject({ status: 'TRY_LATER' })
  expect(world.neighbours.freshLooks).toEqual(['evil.test'])
})

test('before Authorize no mail is taken', async () => {
  const channel = await world.dial(world.a)
  const made = makeDelivery(alice, bob)
  const refusal = deliver(channel, batchOf(world, made))
  await expect(refusal).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
  expect(await receptionsOf(world, made)).toEqual([])
})
