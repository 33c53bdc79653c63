import { MailxError } from '@mailx/errors/mailx-error'
import { encodePeerContact, PEERS_CONTACTED } from '@mailx/federation/peers-contacted'
import { metricsText } from '@mailx/telemetry/metrics'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type Outbound,
  type OutboundRig,
  outboundRig,
  type Submitted,
} from './testing/outbound-rig.ts'

let rig: OutboundRig
let outbound: Outbound
beforeAll(async () => {
  rig = await outboundRig()
  outbound = await rig.start()
})
afterAll(() => rig.stop())

test('a peer that is away gets everything when it is back, and other peers notice nothing', async () => {
  const { name, peer } = await rig.newPeer()
  const { port } = peer.listener
  await peer.stop()
  const other = await rig.newPeer()
  const waiting = await Promise.all(
    Array.from({ length: 20 }, (_, n) => rig.submit({ from: `u${n}@a.test`, to: [`bob@${name}`] })),
  )
  await rig.recorded(waiting[0] as Submitted, `bob@${name}`, 'DeliveryDeferred')
  const quick = await rig.submit({ to: [`bob@${other.name}`] })
  expect(await rig.outcomes(quick, `bob@${other.name}`)).toEqual(['DeliverySucceeded'])

  const back = await rig.addPeer(name, port)
  for (const message of waiting)
    expect(await rig.outcomes(message, `bob@${name}`)).toContain('DeliverySucceeded')
  expect(back.received()).toHaveLength(20)
  for (const message of waiting) {
    const types = await rig.typesOf(message, `bob@${name}`)
    expect(types.filter((type) => type === 'DeliveryDeferred').length).toBeLessThanOrEqual(1)
  }
})

test.each(['DOMAIN_NOT_FOUND', 'NO_MAILX_RECORD', 'BAD_MAILX_RECORD', 'PEER_NOT_ALLOWED'] as const)(
  '%s is for good: the message bounces with that code',
  async (code) => {
    const name = `${code.toLowerCase().replaceAll('_', '-')}.test`
    rig.undiscovered.set(name, new MailxError(code, `${name} cannot get mail`))
    const message = await rig.submit({ to: [`bob@${name}`] })
    expect(await rig.outcomes(message, `bob@${name}`)).toEqual(['DeliveryBounced'])
    const [event] = await rig.eventsOf(message, `bob@${name}`)
    expect(event?.data).toMatchObject({ code, reason: `${name} cannot get mail` })
  },
)

test('a discovery that fails in passing defers, and the message goes out when it works', async () => {
  const { name, peer } = await rig.newPeer()
  rig.undiscovered.set(name, new MailxError('DISCOVERY_FAILED', 'SERVFAIL'))
  const message = await rig.submit({ to: [`bob@${name}`] })
  await rig.recorded(message, `bob@${name}`, 'DeliveryDeferred')
  rig.undiscovered.delete(name)
  expect(await rig.outcomes(message, `bob@${name}`)).toEqual([
    'DeliveryDeferred',
    'DeliverySucceeded',
  ])
  expect(peer.received()).toHaveLength(1)
})

test('a directory that is away is our own trouble: nobody is told, and the message goes out', async () => {
  const { name } = await rig.newPeer()
  rig.undiscovered.set(name, new MailxError('UNAVAILABLE', 'the directory is away'))
  const message = await rig.submit({ to: [`bob@${name}`] })
  await eventually(async () => {
    const known = 'select from outbound.deliveries where peer = $1'
    return (await rig.pool.query(known, [name])).rows.length === 1
  })
  rig.undiscovered.delete(name)
  expect(await rig.outcomes(message, `bob@${name}`)).toEqual(['DeliverySucceeded'])
})

test('a peer that shows itself is tried at once', async () => {
  await outbound.stop()
  outbound = await rig.start({ RETRY_FIRST_MS: '600000', RETRY_LONGEST_MS: '600000' })
  const { name, peer } = await rig.newPeer()
  const { port } = peer.listener
  await peer.stop()
  const message = await rig.submit({ to: [`bob@${name}`] })
  await rig.recorded(message, `bob@${name}`, 'DeliveryDeferred')
  // Nothing of it is in memory until then, and the queue has its age all the same: after a restart, too.
  await eventually(async () => expect(await queueAge(name)).toBeGreaterThan(0))
  await outbound.stop()
  expect(await queueAge(name)).toBe(0)
  outbound = await rig.start({ RETRY_FIRST_MS: '600000', RETRY_LONGEST_MS: '600000' })
  await eventually(async () => expect(await queueAge(name)).toBeGreaterThan(0))
  await rig.addPeer(name, port)
  rig.nats.publish(PEERS_CONTACTED, encodePeerContact(name))
  expect(await rig.outcomes(message, `bob@${name}`)).toEqual([
    'DeliveryDeferred',
    'DeliverySucceeded',
  ])
})

const queueAge = async (peer: string): Promise<number> => {
  const { text } = await metricsText()
  const line = text.split('\n').find((one) => AGE.test(one) && one.includes(`peer="${peer}"`))
  return Number(line?.split(' ')[1] ?? 0)
}
const AGE = /^mailx_delivery_queue_age_seconds\{/

test('the sender hears of a delay, and of the end', async () => {
  await outbound.stop()
  outbound = await rig.start({ DELAY_NOTICE_MS: '300' })
  const { name, peer } = await rig.newPeer()
  await peer.stop()
  const message = await rig.submit({ to: [`bob@${name}`], expiresInMs: 6_000 })
  const types = await rig.outcomes(message, `bob@${name}`)
  expect(types.toSorted()).toEqual(['DeliveryBounced', 'DeliveryDeferred', 'DeliveryDelayed'])
  expect((await rig.eventsOf(message, `bob@${name}`)).at(-1)?.data).toMatchObject({
    code: 'EXPIRED',
    reason: expect.stringMatching(/^given up after .* last: cannot connect to /),
  })
})

test('mail that nobody could send expires even if its owner was away all the time', async () => {
  await outbound.stop()
  const { name, peer } = await rig.newPeer()
  await peer.stop()
  const message = await rig.submit({ to: [`bob@${name}`], expiresInMs: 1 })
  outbound = await rig.start()
  expect(await rig.outcomes(message, `bob@${name}`)).toContain('DeliveryBounced')
})
