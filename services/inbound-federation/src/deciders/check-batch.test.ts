import { type MadeDomain, makeDomain } from '@mailx/federation/testing/made-domain'
import type { DeliveryBatch } from '@mailx/proto/delivery/v1/delivery_service'
import { beforeAll, describe, expect, test } from 'vitest'
import { makeBatch, makeDelivery } from '../testing/made-delivery.ts'
import { checkBatch, faultOfSize } from './check-batch.ts'

const now = Date.UTC(2026, 10, 22)
const made = [
  makeDelivery('alice@a.test', 'bob@b.test', { now }),
  makeDelivery('alice@a.test', 'carol@b.test', { now }),
]

let a: MadeDomain
let evil: MadeDomain
beforeAll(async () => {
  a = await makeDomain('a.test', { now })
  evil = await makeDomain('evil.test', { now })
})

const verdictOn = (batch: DeliveryBatch, origin = 'a.test', destination = 'b.test', at = now) =>
  checkBatch(batch, { origin, destination, now: at, publicKey: a.keys.deliver.publicKey })

const signed = (change: Parameters<typeof makeBatch>[3] = {}) =>
  makeBatch(a, 'b.test', made, { signedAt: now, ...change })

test('a batch that the origin signed for us is taken', () => {
  const checked = verdictOn(signed())
  expect(checked).toMatchObject({ contents: [{}, {}], tree: { proofs: [[{}], [{}]] } })
})

describe('a signature does not hold', () => {
  const forged = {
    status: 'REJECTED_INVALID',
    detail: expect.stringMatching(/not signed by a\.test for b\.test/),
  }

  test('by another key', () => {
    const { deliver } = evil.keys
    const batch = makeBatch({ ...a, keys: { ...a.keys, deliver } }, 'b.test', made, {
      signedAt: now,
    })
    expect(verdictOn(batch)).toMatchObject(forged)
  })

  test('for another destination, or as of another origin', () => {
    expect(verdictOn(makeBatch(a, 'c.test', made, { signedAt: now }))).toMatchObject(forged)
    expect(verdictOn(signed(), 'a.test', 'c.test')).toMatchObject({ status: 'REJECTED_INVALID' })
    expect(verdictOn(signed(), 'evil.test')).toMatchObject({ status: 'REJECTED_INVALID' })
  })

  test('over another time, another order, fewer or more deliveries', () => {
    const batch = signed()
    const [first, second] = batch.deliveries
    expect(verdictOn({ ...batch, createdAtUnixMs: BigInt(now + 1) })).toMatchObject(forged)
    expect(verdictOn({ ...batch, deliveries: [second, first] as never })).toMatchObject(forged)
    expect(verdictOn({ ...batch, deliveries: [first] as never })).toMatchObject(forged)
    expect(verdictOn({ ...batch, deliveries: [first, second, first] as never })).toMatchObject(
      forged,
    )
  })

  test('over another content, envelope, sender, recipient, id or expiry', () => {
    const batch = signed()
    const [first, second] = batch.deliveries
    const [content] = batch.contents
    const flipped = Uint8Array.from(content ?? [], (byte, at) => (at === 0 ? byte ^ 1 : byte))
    expect(verdictOn({ ...batch, contents: [flipped, ...batch.contents.slice(1)] })).toMatchObject(
      forged,
    )
    for (const change of [
      { envelope: new Uint8Array(3) },
      { sender: 'mallory@a.test' },
      { recipient: 'dave@b.test' },
      { messageId: new Uint8Array(16) },
      { expiresAtUnixMs: 5n },
      { createdAtUnixMs: 5n },
      { content: 1 },
    ]) {
      const deliveries = [{ ...first, ...change }, second] as never
      expect(verdictOn({ ...batch, deliveries })).toMatchObject(forged)
    }
  })

  test('with the wrong length', () => {
    expect(verdictOn(signed({ signature: new Uint8Array(65) }))).toMatchObject(forged)
  })
})

test('a batch of another time than ours is to come again, freshly signed', () => {
  const later = { status: 'TRY_LATER', detail: expect.stringMatching(/five minutes/) }
  expect(verdictOn(signed(), 'a.test', 'b.test', now + 6 * 60_000)).toMatchObject(later)
  expect(verdictOn(signed(), 'a.test', 'b.test', now - 6 * 60_000)).toMatchObject(later)
})

test('a batch signed by a key that is not published is to come again', () => {
  const verdict = checkBatch(signed(), {
    origin: 'a.test',
    destination: 'b.test',
    now,
    publicKey: undefined,
  })
  expect(verdict).toMatchObject({
    status: 'TRY_LATER',
    detail: expect.stringMatching(/deliver key/),
  })
})

test.each([
  ['a content that is not there', { content: 9 }],
  ['a time before 1970', { createdAtUnixMs: -1n }],
  ['a time that no number holds', { expiresAtUnixMs: 2n ** 60n }],
])('a delivery with %s makes the batch invalid', (_, change) => {
  const batch = signed()
  const deliveries = batch.deliveries.map((delivery) => ({ ...delivery, ...change }))
  expect(verdictOn({ ...batch, deliveries })).toMatchObject({ status: 'REJECTED_INVALID' })
})

test('a batch without deliveries is invalid', () => {
  const empty = makeBatch(a, 'b.test', [], { signedAt: now })
  expect(verdictOn(empty)).toMatchObject({ status: 'REJECTED_INVALID' })
})

describe('limits of a batch are named:', () => {
  test('65 deliveries', () => {
    const deliveries = Array.from({ length: 65 }, () => signed().deliveries[0] as never)
    expect(faultOfSize({ ...signed(), deliveries })).toMatchObject({
      status: 'TOO_LARGE',
      detail: expect.stringMatching(/64 deliveries/),
    })
  })

  test('over 4 MiB', () => {
    const contents = [new Uint8Array(4 * 1024 * 1024)]
    expect(faultOfSize({ ...signed(), contents })).toMatchObject({
      status: 'TOO_LARGE',
      detail: expect.stringMatching(/4194304 bytes/),
    })
  })
})
