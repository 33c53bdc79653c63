import type { Account } from '@mailx/client/account'
import { eventually } from '@mailx/testing/eventually'
import type { TcpProxy } from '@mailx/testing/tcp-proxy'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { listed, listen, pushed, refusal, sealed, submit } from './clients.ts'
import { type RealGateway, startRealGateway } from './real-gateway.ts'

let rig: RealGateway
let alice: Account
let bob: Account

beforeAll(async () => {
  rig = await startRealGateway()
  alice = await rig.person('alice')
  bob = await rig.person('bob')
}, 60_000)

afterEach(() => {
  for (const proxy of [rig.toPostgres, rig.toNats, rig.toRedis]) proxy.set('forward')
})
afterAll(() => rig.stop())

function takeAway(proxy: TcpProxy): void {
  proxy.set('refuse')
  proxy.cut()
}

test('without Redis messages are accepted and pushed', async () => {
  const submission = await sealed(alice, bob)
  const listening = await listen(bob)
  takeAway(rig.toRedis)
  expect((await submit(alice, submission)).code).toBe('')
  await pushed(listening, submission.messageId)
  listening.stop()
})

test('without NATS messages are accepted and listed; when it is back streams are told to list', async () => {
  const submission = await sealed(alice, bob)
  const listening = await listen(bob)
  takeAway(rig.toNats)
  expect((await submit(alice, submission)).code).toBe('')
  await listed(bob, submission.messageId)
  const resyncs = () => listening.heard.filter(({ event }) => event?.$case === 'resync').length
  const before = resyncs()
  rig.toNats.set('forward')
  await eventually(() => resyncs() > before, { timeoutMs: 20_000 })
  const next = await sealed(alice, bob)
  await submit(alice, next)
  await pushed(listening, next.messageId)
  listening.stop()
})

test('without Postgres messages are refused as UNAVAILABLE, and afterwards nothing is lost', async () => {
  const before = await sealed(alice, bob)
  const during = await sealed(alice, bob)
  await submit(alice, before)
  takeAway(rig.toPostgres)
  await expect(submit(alice, during)).rejects.toEqual(refusal('UNAVAILABLE'))
  rig.toPostgres.set('forward')
  await eventually(() => submit(alice, during), { timeoutMs: 20_000 })
  await listed(bob, before.messageId)
  await listed(bob, during.messageId)
})
