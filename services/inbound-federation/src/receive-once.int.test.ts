import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { batchOf, deliver, deliverOne, receptionsOf } from './testing/deliver.ts'
import { type InboundWorld, inboundWorld } from './testing/inbound-world.ts'
import { makeBatch, makeDelivery } from './testing/made-delivery.ts'

let world: InboundWorld
beforeAll(async () => {
  world = await inboundWorld()
})
afterAll(() => world.stop())

const [alice, bob] = ['alice@a.test', 'bob@b.test']

describe('a delivery counts once, for ever:', () => {
  test('again on the same stream, on another connection, after FLUSHALL, after a restart', async () => {
    const made = makeDelivery(alice, bob)
    const batch = batchOf(world, made)
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
    expect(await deliverOne(world, channel, made)).toEqual(answer)
    await world.restart()
    expect(await deliverOne(world, await world.connect(), made)).toEqual(answer)
    expect(await receptionsOf(world, made)).toHaveLength(1)
  })

  test('twice in one batch, and in two batches at once', async () => {
    const made = makeDelivery(alice, bob)
    const [channel, other] = await Promise.all([world.connect(), world.connect()])
    const answers = await Promise.all([
      deliver(channel, batchOf(world, made, made)),
      deliver(other, batchOf(world, made)),
    ])
    const responses = answers.flat().flatMap((answer) => answer.responses)
    expect(new Set(responses.map(({ messageId }) => messageId)).size).toBe(1)
    expect(await receptionsOf(world, made)).toHaveLength(1)
  })

  test('another message under an old id is refused and changes nothing', async () => {
    const channel = await world.connect()
    const made = makeDelivery(alice, bob)
    await deliverOne(world, channel, made)
    const { messageId } = made.delivery
    const other = makeDelivery(alice, bob, { delivery: { messageId }, envelope: { messageId } })
    expect(await deliverOne(world, channel, other)).toMatchObject({
      status: 'REJECTED_INVALID',
      detail: expect.stringMatching(/another message with this id/),
    })
    expect(await receptionsOf(world, made)).toHaveLength(1)
  })

  test('the same id from another origin is another message', async () => {
    const made = makeDelivery(alice, bob)
    await deliverOne(world, await world.connect(), made)
    const { messageId } = made.delivery
    const eve = 'eve@evil.test'
    const theirs = makeDelivery(eve, bob, { delivery: { messageId }, envelope: { messageId } })
    const channel = await world.connect(world.evil)
    const [answer] = await deliver(channel, makeBatch(world.evil, 'b.test', [theirs]))
    expect(answer?.responses[0]?.status).toBe('ACCEPTED')
    expect(await receptionsOf(world, made)).toHaveLength(2)
  })
})
