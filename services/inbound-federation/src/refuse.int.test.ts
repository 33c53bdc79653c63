import type { DeliveryBatch } from '@mailx/proto/delivery/v1/delivery_service'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { batchOf, deliver, receiptHolds } from './testing/deliver.ts'
import { type InboundWorld, inboundWorld } from './testing/inbound-world.ts'
import { type MadeDelivery, makeBatch, makeDelivery } from './testing/made-delivery.ts'

let world: InboundWorld
beforeAll(async () => {
  world = await inboundWorld()
})
afterAll(() => world.stop())

const [alice, bob] = ['alice@a.test', 'bob@b.test']

const refused = async (batch: DeliveryBatch, made: readonly MadeDelivery[], from = world.a) => {
  const before = (await world.receptions()).length
  const [answer] = await deliver(await world.connect(from), batch)
  expect(receiptHolds(world, made, answer ?? { responses: [] })).toBe(from === world.a)
  expect(await world.receptions()).toHaveLength(before)
  return answer?.responses[0]
}
const invalid = (detail: RegExp) => ({
  status: 'REJECTED_INVALID',
  detail: expect.stringMatching(detail),
})

const flip = (bytes: Uint8Array) => bytes.map((byte, at) => (at === 9 ? byte ^ 1 : byte))

describe('refused, with a signed answer, and nothing stored:', () => {
  test('a relay: a message of a third domain', async () => {
    const made = makeDelivery('carol@c.test', bob)
    expect(await refused(batchOf(world, made), [made])).toMatchObject(invalid(/address of a\.test/))
  })

  test('another domain’s signed batch, replayed in one’s own name', async () => {
    const made = makeDelivery(alice, bob)
    const stolen = batchOf(world, made)
    expect(await refused(stolen, [made], world.evil)).toMatchObject({ status: 'REJECTED_INVALID' })
  })

  test('a batch that was signed for another domain', async () => {
    const made = makeDelivery(alice, bob)
    const batch = makeBatch(world.a, 'c.test', [made])
    expect(await refused(batch, [made])).toMatchObject(invalid(/for b\.test/))
  })

  test('a recipient elsewhere', async () => {
    const made = makeDelivery(alice, 'carol@c.test')
    expect(await refused(batchOf(world, made), [made])).toMatchObject(invalid(/address of b\.test/))
  })

  test('a tampered content, envelope or signature', async () => {
    const made = makeDelivery(alice, bob)
    const batch = batchOf(world, made)
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
    expect(await refused(batchOf(world, made), [made])).toMatchObject(invalid(/another content/))
  })

  test('an expired message and one from the future', async () => {
    const old = makeDelivery(alice, bob, { now: Date.now() - 6 * 86_400_000 })
    expect(await refused(batchOf(world, old), [old])).toMatchObject(invalid(/expired/))
    const early = makeDelivery(alice, bob, { now: Date.now() + 6 * 60_000 })
    expect(await refused(batchOf(world, early), [early])).toMatchObject(invalid(/future/))
  })

  test('a content over 1 MiB, a batch over its limits', async () => {
    const large = makeDelivery(alice, bob, { content: new Uint8Array(1024 * 1024) })
    expect(await refused(batchOf(world, large), [large])).toMatchObject({ status: 'TOO_LARGE' })
    const many = Array.from({ length: 65 }, () =>
      makeDelivery(alice, bob, { content: new Uint8Array(1) }),
    )
    expect(await refused(batchOf(world, ...many), many)).toMatchObject({
      status: 'TOO_LARGE',
      detail: expect.stringMatching(/64 deliveries/),
    })
  })

  test('an attachment that was not sent before', async () => {
    const delivery = { attachmentHashes: [new Uint8Array(32)] }
    const made = makeDelivery(alice, bob, { delivery })
    expect(await refused(batchOf(world, made), [made])).toMatchObject(invalid(/not sent before/))
  })
})
