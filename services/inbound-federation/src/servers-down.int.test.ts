import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { batchOf, deliver, deliverOne, receiptHolds, receptionsOf } from './testing/deliver.ts'
import { type InboundWorld, inboundWorld } from './testing/inbound-world.ts'
import { makeDelivery } from './testing/made-delivery.ts'

let world: InboundWorld
beforeAll(async () => {
  world = await inboundWorld()
})
afterAll(() => world.stop())

const [alice, bob] = ['alice@a.test', 'bob@b.test']

test('while Postgres is away deliveries are put off, signed, and taken when it is back', async () => {
  const channel = await world.connect()
  const made = makeDelivery(alice, bob)
  world.toPostgres.set('refuse')
  world.toPostgres.cut()
  const [answer] = await deliver(channel, batchOf(world, made))
  expect(answer?.responses[0]).toMatchObject({ status: 'TRY_LATER', messageId: '' })
  expect(answer?.responses[0]?.retryAfterMs).toBeGreaterThan(0)
  expect(receiptHolds(world, [made], answer ?? { responses: [] })).toBe(true)

  world.toPostgres.set('forward')
  await eventually(async () => (await deliverOne(world, channel, made)).status === 'ACCEPTED')
  expect(await receptionsOf(world, made)).toHaveLength(1)
})

test('without Redis mail is taken as before', async () => {
  world.toRedis.set('refuse')
  world.toRedis.cut()
  const channel = await world.connect()
  expect(await deliverOne(world, channel, makeDelivery(alice, bob))).toMatchObject({
    status: 'ACCEPTED',
  })
  world.toRedis.set('forward')
})
