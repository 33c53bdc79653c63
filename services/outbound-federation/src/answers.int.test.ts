import { toHex } from '@mailx/crypto/encoding'
import { formatId } from '@mailx/crypto/uuid'
import { DeliveryResponse, Receipt } from '@mailx/proto/delivery/v1/delivery_service'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { idsOf, type OutboundRig, outboundRig } from './testing/outbound-rig.ts'
import { accepted, type Script } from './testing/scripted-peer.ts'

let rig: OutboundRig
beforeAll(async () => {
  rig = await outboundRig({ PEER_TIMEOUT_MS: '1500' })
  await rig.start()
})
afterAll(() => rig.stop())

test.each([
  ['REJECTED_NO_SUCH_USER', 'REJECTED_NO_SUCH_USER'],
  ['REJECTED_QUOTA_EXCEEDED', 'REJECTED_QUOTA_EXCEEDED'],
  ['REJECTED_BLOCKED', 'REJECTED_BLOCKED'],
  ['REJECTED_INVALID', 'REJECTED_INVALID'],
  ['TOO_LARGE', 'TOO_LARGE'],
  ['STALE_DEVICE_LIST', 'STALE_DEVICE_LIST'],
] as const)('%s bounces at once', async (status, code) => {
  const { name, peer } = await rig.newPeer()
  peer.script = () => () => ({ status, detail: 'because\u0007 so' })
  const message = await rig.submit({ to: [`bob@${name}`] })
  expect(await rig.outcomes(message, `bob@${name}`)).toEqual(['DeliveryBounced'])
  const [event] = await rig.eventsOf(message, `bob@${name}`)
  expect(event?.data).toMatchObject({ code, reason: expect.stringMatching(/\(because so\)$/) })
})

test.each(['TRY_LATER', 'REJECTED_RATE_LIMITED', 'UNSUPPORTED_VERSION'] as const)(
  '%s is tried again, not before the peer wants it, and told once',
  async (status) => {
    const { name, peer } = await rig.newPeer()
    const times: number[] = []
    peer.script = () => () => {
      times.push(performance.now())
      return times.length < 3 ? { status, retryAfterMs: 150 } : accepted()
    }
    const message = await rig.submit({ to: [`bob@${name}`] })
    expect(await rig.outcomes(message, `bob@${name}`)).toEqual([
      'DeliveryDeferred',
      'DeliverySucceeded',
    ])
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
  const { name, peer } = await rig.newPeer()
  peer.script = (batch) => (peer.batches.length < 3 ? script(batch) : accepted)
  const message = await rig.submit({ to: [`bob@${name}`] })
  expect(await rig.outcomes(message, `bob@${name}`)).toEqual([
    'DeliveryDeferred',
    'DeliverySucceeded',
  ])
  const [event] = await rig.eventsOf(message, `bob@${name}`)
  expect(event?.data).toMatchObject({ code })
  expect(new Set(idsOf(peer))).toEqual(new Set([toHex(message.messageId)]))
  expect(peer.authorized).toBe(3)
})

test('an acceptance without an id or a time does not count', async () => {
  const { name, peer } = await rig.newPeer()
  const empty: Partial<DeliveryResponse>[] = [
    {},
    { messageId: 'not an id', timestamp: 5n },
    { messageId: formatId(new Uint8Array(16)) },
  ]
  peer.script = () => () => empty[peer.batches.length - 1] ?? accepted()
  const message = await rig.submit({ to: [`bob@${name}`] })
  expect(await rig.outcomes(message, `bob@${name}`)).toEqual([
    'DeliveryDeferred',
    'DeliverySucceeded',
  ])
  expect((await rig.eventsOf(message, `bob@${name}`))[0]?.data).toMatchObject({
    code: 'BAD_ANSWER',
  })
  expect(peer.received()).toHaveLength(4)
})
