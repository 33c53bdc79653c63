import { toHex } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { formatId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import type { DeliveryEvent } from '@mailx/events/delivery'
import { encodePeerContact, PEERS_CONTACTED } from '@mailx/federation/peers-contacted'
import { receiptLeafOf } from '@mailx/delivery/receipt-leaf'
import { callUnary } from '@mailx/grpc/client'
import { verifyInclusion } from '@mailx/merkle/inclusion-proof'
import { DeliveryResponse, Receipt } from '@mailx/proto/delivery/v1/delivery_service'
import { eventually } from '@mailx/testing/eventually'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { idsOf, type OutboundRig, outboundRig, type Submitted } from './testing/outbound-rig.ts'
import { accepted, accepting, type Script } from './testing/scripted-peer.ts'

let rig: OutboundRig
let outbound: Awaited<ReturnType<OutboundRig['start']>>
beforeAll(async () => {
  rig = await outboundRig()
  outbound = await rig.start()
})
afterAll(() => rig.stop())

let count = 0
/** A peer that no other test talks to. */
const newPeer = async () => {
  count += 1
  const name = `p${count}.test`
  return { name, peer: await rig.addPeer(name) }
}

const until = (message: Submitted, recipient: string, types: readonly string[]) =>
  eventually(async () => {
    expect(await rig.typesOf(message, recipient)).toEqual(types)
    return true
  })
const delivered = (message: Submitted, recipient: string) =>
  until(message, recipient, ['DeliverySucceeded'])
const hasEvent = (message: Submitted, recipient: string, type: DeliveryEvent['type']) =>
  eventually(async () => (await rig.typesOf(message, recipient)).includes(type))

test('a message goes out, and its receipt is kept, provable alone', async () => {
  const { name, peer } = await newPeer()
  const to = [`bob@${name}`, `bea@${name}`]
  const message = await rig.submit({ to })
  await Promise.all(to.map((recipient) => delivered(message, recipient)))

  const received = peer.received()
  expect(received.map(({ delivery }) => delivery.recipient)).toEqual(to)
  for (const { content, delivery } of received) {
    expect(toHex(content)).toBe(toHex(message.content))
    expect(toHex(delivery.messageId)).toBe(toHex(message.messageId))
  }
  expect(peer.batches[0]?.contents).toHaveLength(1)

  const [event] = await rig.eventsOf(message, `bea@${name}`)
  if (event?.type !== 'DeliverySucceeded') throw new Error(event?.type)
  const { acceptedAtUnixMs, acceptedId, peer: domain } = event.data
  expect(domain).toBe(name)
  const receipt = Receipt.decode(event.data.receipt)
  const leafHash = receiptLeafOf(
    { recipient: `bea@${name}`, messageId: message.messageId },
    DeliveryResponse.create({ messageId: formatId(acceptedId), timestamp: acceptedAtUnixMs }),
  )
  const { count: size, index, path: proof, root } = receipt
  expect(verifyInclusion({ leafHash, index, size, root, proof })).toBe(true)
})

test('recipients here and at other domains are nobody’s business', async () => {
  const { name, peer } = await newPeer()
  const other = await newPeer()
  const message = await rig.submit({
    to: ['carol@a.test', `bob@${name}`, `dora@${other.name}`],
  })
  await delivered(message, `bob@${name}`)
  await delivered(message, `dora@${other.name}`)
  expect(peer.received().map(({ delivery }) => delivery.recipient)).toEqual([`bob@${name}`])
  expect(await rig.typesOf(message, 'carol@a.test')).toEqual([])
})

test('attachments go ahead of the batch that names them', async () => {
  const { name, peer } = await newPeer()
  const message = await rig.submit({ to: [`bob@${name}`, `bea@${name}`], attachments: 3 })
  await delivered(message, `bob@${name}`)
  const hashes = message.attachments.map((part) => toHex(blake2b256(part)))
  expect(peer.blobs.map((part) => toHex(blake2b256(part)))).toEqual(hashes)
  expect(peer.received()[0]?.delivery.attachmentHashes.map(toHex)).toEqual(hashes)
})

test('many messages share one connection and few batches', async () => {
  const { name, peer } = await newPeer()
  const messages = await Promise.all(
    Array.from({ length: 300 }, (_, n) =>
      rig.submit({ from: `u${n}@a.test`, to: [`bob@${name}`] }),
    ),
  )
  await Promise.all(messages.map((message) => delivered(message, `bob@${name}`)))
  expect(peer.authorized).toBe(1)
  expect(new Set(idsOf(peer)).size).toBe(300)
  expect(peer.received()).toHaveLength(300)
  expect(peer.batches.length).toBeLessThan(100)
  for (const { deliveries } of peer.batches) expect(deliveries.length).toBeLessThanOrEqual(64)
})

test('a batch stays under four megabytes', async () => {
  const { name, peer } = await newPeer()
  const messages = await Promise.all(
    Array.from({ length: 12 }, (_, n) =>
      rig.submit({ from: `u${n}@a.test`, to: [`bob@${name}`], contentBytes: 900_000 }),
    ),
  )
  await Promise.all(messages.map((message) => delivered(message, `bob@${name}`)))
  for (const { contents } of peer.batches) {
    const bytes = contents.reduce((sum, content) => sum + content.length, 0)
    expect(bytes).toBeLessThanOrEqual(4 * 1024 * 1024)
  }
})

test('messages of one sender to one recipient arrive in their order, also when some must wait', async () => {
  const { name, peer } = await newPeer()
  let refusals = 0
  peer.script = () => () => {
    refusals += 1
    return refusals % 3 === 1 ? { status: 'TRY_LATER', retryAfterMs: 10 } : accepted()
  }
  const messages: Submitted[] = []
  for (let n = 0; n < 8; n += 1) messages.push(await rig.submit({ to: [`bob@${name}`] }))
  for (const message of messages) await hasEvent(message, `bob@${name}`, 'DeliverySucceeded')
  const order = peer.received().map(({ delivery }) => toHex(delivery.messageId))
  const firsts = order.filter((id, index) => order.indexOf(id) === index)
  expect(firsts).toEqual(messages.map(({ messageId }) => toHex(messageId)))
  for (const { deliveries } of peer.batches) expect(deliveries).toHaveLength(1)
})

test.each([
  ['REJECTED_NO_SUCH_USER', 'REJECTED_NO_SUCH_USER'],
  ['REJECTED_QUOTA_EXCEEDED', 'REJECTED_QUOTA_EXCEEDED'],
  ['REJECTED_BLOCKED', 'REJECTED_BLOCKED'],
  ['REJECTED_INVALID', 'REJECTED_INVALID'],
  ['TOO_LARGE', 'TOO_LARGE'],
  ['STALE_DEVICE_LIST', 'STALE_DEVICE_LIST'],
] as const)('%s bounces at once', async (status, code) => {
  const { name, peer } = await newPeer()
  peer.script = () => () => ({ status, detail: 'because\u0007 so' })
  const message = await rig.submit({ to: [`bob@${name}`] })
  await until(message, `bob@${name}`, ['DeliveryBounced'])
  const [event] = await rig.eventsOf(message, `bob@${name}`)
  expect(event?.data).toMatchObject({ code, reason: expect.stringMatching(/\(because so\)$/) })
})

test.each(['TRY_LATER', 'REJECTED_RATE_LIMITED', 'UNSUPPORTED_VERSION'] as const)(
  '%s is tried again, not before the peer wants it, and told once',
  async (status) => {
    const { name, peer } = await newPeer()
    const times: number[] = []
    peer.script = () => () => {
      times.push(performance.now())
      return times.length < 3 ? { status, retryAfterMs: 150 } : accepted()
    }
    const message = await rig.submit({ to: [`bob@${name}`] })
    await until(message, `bob@${name}`, ['DeliveryDeferred', 'DeliverySucceeded'])
    const [event] = await rig.eventsOf(message, `bob@${name}`)
    expect(event?.data).toMatchObject({ code: status, attempts: 1 })
    expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(149)
  },
)

const forged: readonly [string, Script, string][] = [
  ['hangs', () => 'hang', 'DEADLINE_EXCEEDED'],
  ['resets the connection', () => 'reset', 'UNAVAILABLE'],
  ['closes the stream', () => 'close', 'UNAVAILABLE'],
  ['answers nothing at all', () => ({}), 'BAD_PROOF'],
  ['answers a batch that it was not sent', () => ({ sequence: 99n }), 'BAD_PROOF'],
  [
    'accepts without a receipt',
    ({ deliveries }) => ({
      responses: deliveries.map(() => DeliveryResponse.create(accepted())),
    }),
    'BAD_PROOF',
  ],
  [
    'accepts with a receipt for other answers',
    ({ deliveries }) => ({
      responses: deliveries.map(() => DeliveryResponse.create(accepted())),
      receipt: Receipt.create({ count: deliveries.length, root: new Uint8Array(32) }),
    }),
    'BAD_PROOF',
  ],
]
test.each(forged)('a peer that %s is tried again with the same id', async (_, script, code) => {
  const { name, peer } = await newPeer()
  peer.script = (batch) => (peer.batches.length < 3 ? script(batch) : accepted)
  const message = await rig.submit({ to: [`bob@${name}`] })
  await until(message, `bob@${name}`, ['DeliveryDeferred', 'DeliverySucceeded'])
  const [event] = await rig.eventsOf(message, `bob@${name}`)
  expect(event?.data).toMatchObject({ code })
  expect(new Set(idsOf(peer))).toEqual(new Set([toHex(message.messageId)]))
  expect(peer.authorized).toBe(3)
})

test('an acceptance without an id or a time does not count', async () => {
  const { name, peer } = await newPeer()
  const empty: Partial<DeliveryResponse>[] = [
    {},
    { messageId: 'not an id', timestamp: 5n },
    { messageId: formatId(new Uint8Array(16)) },
  ]
  peer.script = () => () => empty[peer.batches.length - 1] ?? accepted()
  const message = await rig.submit({ to: [`bob@${name}`] })
  await until(message, `bob@${name}`, ['DeliveryDeferred', 'DeliverySucceeded'])
  expect((await rig.eventsOf(message, `bob@${name}`))[0]?.data).toMatchObject({
    code: 'BAD_ANSWER',
  })
  expect(peer.received()).toHaveLength(4)
})

test('a peer that is away gets everything when it is back, and other peers notice nothing', async () => {
  const { name, peer } = await newPeer()
  const { port } = peer.listener
  await peer.stop()
  const other = await newPeer()
  const waiting = await Promise.all(
    Array.from({ length: 20 }, (_, n) => rig.submit({ from: `u${n}@a.test`, to: [`bob@${name}`] })),
  )
  await hasEvent(waiting[0] as Submitted, `bob@${name}`, 'DeliveryDeferred')
  const quick = await rig.submit({ to: [`bob@${other.name}`] })
  await delivered(quick, `bob@${other.name}`)

  const back = await rig.addPeer(name, port)
  for (const message of waiting) await hasEvent(message, `bob@${name}`, 'DeliverySucceeded')
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
    await until(message, `bob@${name}`, ['DeliveryBounced'])
    const [event] = await rig.eventsOf(message, `bob@${name}`)
    expect(event?.data).toMatchObject({ code, reason: `${name} cannot get mail` })
  },
)

test('a discovery that fails for now defers, and the message goes out when it works', async () => {
  const { name, peer } = await newPeer()
  rig.undiscovered.set(name, new MailxError('DISCOVERY_FAILED', 'SERVFAIL'))
  const message = await rig.submit({ to: [`bob@${name}`] })
  await until(message, `bob@${name}`, ['DeliveryDeferred'])
  rig.undiscovered.delete(name)
  await until(message, `bob@${name}`, ['DeliveryDeferred', 'DeliverySucceeded'])
  expect(peer.received()).toHaveLength(1)
})

test('a directory that is away is our own trouble: nobody is told, and the message goes out', async () => {
  const { name } = await newPeer()
  rig.undiscovered.set(name, new MailxError('UNAVAILABLE', 'the directory is away'))
  const message = await rig.submit({ to: [`bob@${name}`] })
  await eventually(async () => {
    const { rows } = await rig.pool.query('select from outbound.deliveries where peer = $1', [name])
    return rows.length === 1
  })
  rig.undiscovered.delete(name)
  await delivered(message, `bob@${name}`)
})

test('a message whose sealed bytes were erased bounces, the others of its batch go', async () => {
  const { name } = await newPeer()
  const [erased, good] = await Promise.all([
    rig.submit({ to: [`bob@${name}`], withoutBlobs: true }),
    rig.submit({ from: 'ann@a.test', to: [`bob@${name}`] }),
  ])
  await until(erased, `bob@${name}`, ['DeliveryBounced'])
  await delivered(good, `bob@${name}`)
})

test('keys are looked up over the same connection', async () => {
  const { name, peer } = await newPeer()
  const message = await rig.submit({ to: [`bob@${name}`] })
  await delivered(message, `bob@${name}`)
  const request = { from: 'a.test', to: name, asker: 'alice@a.test', addresses: [`bob@${name}`] }
  const { answers } = await callUnary(outbound.client.lookUpPeerKeys, request)
  expect(answers.map(({ address }) => address)).toEqual([`bob@${name} for alice@a.test`])
  expect(peer.authorized).toBe(1)

  const elsewhere = callUnary(outbound.client.lookUpPeerKeys, {
    ...request,
    to: 'nowhere.test',
    addresses: ['x@nowhere.test'],
  })
  await expect(elsewhere).rejects.toMatchObject({ code: 'DOMAIN_NOT_FOUND' })
  const foreign = callUnary(outbound.client.lookUpPeerKeys, { ...request, addresses: ['x@c.test'] })
  await expect(foreign).rejects.toMatchObject({ code: 'INVALID_ARGUMENT' })
})

test('what is due goes out after a restart, and what was delivered does not go again', async () => {
  const { name, peer } = await newPeer()
  const done = await rig.submit({ to: [`bea@${name}`] })
  await delivered(done, `bea@${name}`)
  peer.script = () => 'hang'
  const message = await rig.submit({ to: [`bob@${name}`] })
  await eventually(() => peer.batches.length >= 2)
  await outbound.stop()
  peer.script = accepting
  outbound = await rig.start()
  await hasEvent(message, `bob@${name}`, 'DeliverySucceeded')
  const ids = idsOf(peer)
  expect(ids.filter((id) => id === toHex(done.messageId))).toHaveLength(1)
})

/** A peer whose rows a test has put out of step with the log. */
let tampered = ''

test('an outcome that came just before a crash is delivered again with the same id, and recorded once', async () => {
  const { name, peer } = await newPeer()
  const message = await rig.submit({ to: [`bob@${name}`] })
  await delivered(message, `bob@${name}`)
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
  const peers = await Promise.all([newPeer(), newPeer(), newPeer()])
  const sent = await Promise.all(
    Array.from({ length: 120 }, async (_, n) => {
      const recipient = `bob@${peers[n % 3]?.name}`
      return { recipient, message: await rig.submit({ from: `u${n}@a.test`, to: [recipient] }) }
    }),
  )
  await Promise.all(sent.map(({ message, recipient }) => delivered(message, recipient)))
  const received = peers.flatMap(({ peer }) => idsOf(peer))
  expect(received).toHaveLength(120)
  expect(new Set(received).size).toBe(120)
  await other.stop()
})

test('a replica takes over the lanes of one that stops', async () => {
  const { name, peer } = await newPeer()
  peer.script = () => 'hang'
  const message = await rig.submit({ to: [`bob@${name}`] })
  await eventually(() => peer.batches.length > 0)
  const other = await rig.start()
  await outbound.stop()
  peer.script = accepting
  await hasEvent(message, `bob@${name}`, 'DeliverySucceeded')
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
  expect(before[0]?.length).toBeGreaterThan(400)
})

test('a peer that shows itself is tried at once', async () => {
  await outbound.stop()
  outbound = await rig.start({ RETRY_FIRST_MS: '600000', RETRY_LONGEST_MS: '600000' })
  const { name, peer } = await newPeer()
  const { port } = peer.listener
  await peer.stop()
  const message = await rig.submit({ to: [`bob@${name}`] })
  await until(message, `bob@${name}`, ['DeliveryDeferred'])
  await rig.addPeer(name, port)
  rig.nats.publish(PEERS_CONTACTED, encodePeerContact(name))
  await until(message, `bob@${name}`, ['DeliveryDeferred', 'DeliverySucceeded'])
})

test('the sender hears of a delay, and of the end', async () => {
  await outbound.stop()
  outbound = await rig.start({ DELAY_NOTICE_MS: '300' })
  const { name, peer } = await newPeer()
  await peer.stop()
  const message = await rig.submit({ to: [`bob@${name}`], expiresInMs: 1_500 })
  await until(message, `bob@${name}`, ['DeliveryDeferred', 'DeliveryDelayed', 'DeliveryBounced'])
  const events = await rig.eventsOf(message, `bob@${name}`)
  expect(events[2]?.data).toMatchObject({
    code: 'EXPIRED',
    reason: expect.stringMatching(/^given up after .* last: cannot connect to /),
  })
})

test('mail that nobody could send expires even if its owner was away all the time', async () => {
  await outbound.stop()
  const { name, peer } = await newPeer()
  await peer.stop()
  const message = await rig.submit({ to: [`bob@${name}`], expiresInMs: 1 })
  outbound = await rig.start()
  await hasEvent(message, `bob@${name}`, 'DeliveryBounced')
})
