import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { batchOf, deliver, deliverOne, receptionsOf } from './testing/deliver.ts'
import { type InboundWorld, inboundWorld } from './testing/inbound-world.ts'
import { makeDelivery } from './testing/made-delivery.ts'

let world: InboundWorld
beforeAll(async () => {
  world = await inboundWorld({ UNKNOWN_RECIPIENT: 'tell', DELIVERIES_PER_PEER: '60' })
})
afterAll(() => world.stop())

const [alice, bob] = ['alice@a.test', 'bob@b.test']

test('a deployment may tell that there is no such user, and keeps nothing', async () => {
  const made = makeDelivery(alice, 'nobody@b.test')
  expect(await deliverOne(world, await world.connect(), made)).toMatchObject({
    status: 'REJECTED_NO_SUCH_USER',
    messageId: '',
    detail: expect.stringMatching(/there is no nobody@b\.test/),
  })
  expect(await receptionsOf(world, made)).toEqual([])
})

test('and that a mailbox is full', async () => {
  const channel = await world.connect()
  expect(await deliverOne(world, channel, makeDelivery(alice, bob))).toMatchObject({
    status: 'ACCEPTED',
  })
  await world.fill(bob)
  await eventually(async () => {
    const answer = await deliverOne(world, channel, makeDelivery(alice, bob))
    return answer.status === 'REJECTED_QUOTA_EXCEEDED'
  })
})

test('a peer over its rate is told when to come again, others are not held up', async () => {
  const channel = await world.connect()
  const many = Array.from({ length: 61 }, () => makeDelivery(alice, bob))
  const [answer] = await deliver(channel, batchOf(world, ...many))
  expect(answer?.responses).toHaveLength(61)
  for (const { retryAfterMs, status } of answer?.responses ?? []) {
    expect(status).toBe('REJECTED_RATE_LIMITED')
    expect(retryAfterMs).toBeGreaterThan(0)
  }
})
