import { toHex } from '@mailx/crypto/encoding'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { idsOf, type Outbound, type OutboundRig, outboundRig } from './testing/outbound-rig.ts'
import { accepting } from './testing/scripted-peer.ts'

let rig: OutboundRig
let outbound: Outbound
beforeAll(async () => {
  rig = await outboundRig()
  outbound = await rig.start()
})
afterAll(() => rig.stop())

test('what is due goes out after a restart, and what was delivered does not go again', async () => {
  const { name, peer } = await rig.newPeer()
  const done = await rig.submit({ to: [`bea@${name}`] })
  expect(await rig.outcomes(done, `bea@${name}`)).toEqual(['DeliverySucceeded'])
  peer.script = () => 'hang'
  const message = await rig.submit({ to: [`bob@${name}`] })
  await eventually(() => peer.batches.length >= 2)
  await outbound.stop()
  peer.script = accepting
  outbound = await rig.start()
  expect(await rig.outcomes(message, `bob@${name}`)).toContain('DeliverySucceeded')
  const ids = idsOf(peer)
  expect(ids.filter((id) => id === toHex(done.messageId))).toHaveLength(1)
})

/** A peer whose rows a test has put out of step with the log. */
let tampered = ''

test('an outcome that came just before a crash is delivered again with the same id, and recorded once', async () => {
  const { name, peer } = await rig.newPeer()
  const message = await rig.submit({ to: [`bob@${name}`] })
  expect(await rig.outcomes(message, `bob@${name}`)).toEqual(['DeliverySucceeded'])
  await outbound.stop()
  // As if the projection of outcomes and the notes had never come that far.
  tampered = name
  await rig.pool.query('delete from outbound.lane_floors where peer = $1', [name])
  await rig.pool.query('delete from outbound.outcomes where message_id = $1', [message.messageId])
  outbound = await rig.start()
  await eventually(() => peer.received().length === 2)
  await eventually(async () => {
    const { rows } = await rig.pool.query(
      'select from outbound.lane_floors where peer = $1 and position > 0',
      [name],
    )
    return rows.length > 0
  })
  expect(await rig.typesOf(message, `bob@${name}`)).toEqual(['DeliverySucceeded'])
})

test('two replicas share the work and deliver everything once', async () => {
  const other = await rig.start()
  const peers = await Promise.all([rig.newPeer(), rig.newPeer(), rig.newPeer()])
  const sent = await Promise.all(
    Array.from({ length: 120 }, async (_, n) => {
      const recipient = `bob@${peers[n % 3]?.name}`
      return { recipient, message: await rig.submit({ from: `u${n}@a.test`, to: [recipient] }) }
    }),
  )
  await rig.allDelivered(sent)
  const received = peers.flatMap(({ peer }) => idsOf(peer))
  expect(received).toHaveLength(120)
  expect(new Set(received).size).toBe(120)
  await other.stop()
})

test('a replica takes over the lanes of one that stops', async () => {
  const { name, peer } = await rig.newPeer()
  peer.script = () => 'hang'
  const message = await rig.submit({ to: [`bob@${name}`] })
  await eventually(() => peer.batches.length > 0)
  const other = await rig.start()
  await outbound.stop()
  peer.script = accepting
  expect(await rig.outcomes(message, `bob@${name}`)).toContain('DeliverySucceeded')
  outbound = other
})

test('projected anew, the read models have the same rows', async () => {
  const tables = ['deliveries', 'lane_heads', 'outcomes']
  const dump = async () => {
    const results = await Promise.all(
      tables.map((table) =>
        rig.pool.query(`select t::text as row from outbound.${table} t order by row`),
      ),
    )
    return results.map(({ rows }) =>
      rows.map(({ row }: { row: string }) => row).filter((row) => !row.includes(`@${tampered},`)),
    )
  }
  await outbound.stop()
  const before = await dump()
  await rig.pool.query(`truncate ${tables.map((table) => `outbound.${table}`).join()}`)
  await rig.pool.query('delete from outbound.checkpoints')
  outbound = await rig.start()
  await eventually(async () => {
    expect(await dump()).toEqual(before)
    return true
  })
  expect(before[0]?.length).toBeGreaterThan(100)
})
