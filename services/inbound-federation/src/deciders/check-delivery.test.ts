import { toHex } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { describe, expect, test } from 'vitest'
import { type MadeDelivery, makeDelivery } from '../testing/made-delivery.ts'
import { checkDelivery } from './check-delivery.ts'

const now = Date.UTC(2026, 10, 22)
const [alice, bob] = ['alice@a.test', 'bob@b.test']

const verdictOn = ({ content, delivery }: MadeDelivery, uploads: [string, number][] = []) =>
  checkDelivery(delivery, {
    origin: 'a.test',
    destination: 'b.test',
    now,
    content: { size: content.length, hash: blake2b256(content) },
    uploads: new Map(uploads),
  })

const make = (change: Parameters<typeof makeDelivery>[2] = {}) =>
  makeDelivery(alice, bob, { now, ...change })

const invalid = (detail: RegExp) => ({
  status: 'REJECTED_INVALID',
  detail: expect.stringMatching(detail),
})

test('a delivery whose envelope says the same is taken', () => {
  const made = make()
  expect(verdictOn(made)).toMatchObject({
    delivery: made.delivery,
    envelopeHash: blake2b256(made.delivery.envelope),
    attachments: [],
  })
})

describe('refused as invalid:', () => {
  test.each([
    ['a sender of another domain (relay)', { sender: 'alice@c.test' }, /address of a\.test/],
    ['a sender below the origin', { sender: 'alice@mail.a.test' }, /address of a\.test/],
    ['a sender in upper case', { sender: 'Alice@a.test' }, /another sender/],
    ['a sender with a tag', { sender: 'alice+x@a.test' }, /another sender/],
    ['a sender that is none', { sender: '' }, /address of a\.test/],
    ['a recipient of another domain', { recipient: 'bob@c.test' }, /address of b\.test/],
    ['a recipient with a tag', { recipient: 'bob+x@b.test' }, /another recipient/],
    ['a short message id', { messageId: new Uint8Array(15) }, /16 bytes/],
    ['no envelope', { envelope: new Uint8Array(0) }, /envelope/],
    ['noise for an envelope', { envelope: new Uint8Array(99).fill(255) }, /envelope/],
    ['a time before 1970', { createdAtUnixMs: -1n }, /times/],
    ['a time beyond all dates', { expiresAtUnixMs: 2n ** 62n }, /times/],
    ['an end before the start', { expiresAtUnixMs: BigInt(now - 1) }, /times/],
    ['a part that was not sent', { attachmentHashes: [new Uint8Array(32)] }, /not sent before/],
  ])('%s', (_, delivery, detail) => {
    expect(verdictOn(make({ delivery }))).toMatchObject(invalid(detail))
  })

  test.each([
    ['sender', { sender: 'mallory@a.test' }],
    ['recipient', { recipient: 'carol@b.test' }],
    ['message id', { messageId: new Uint8Array(16).fill(7) }],
    ['time of creation', { createdAtUnixMs: 7n }],
    ['content', { contentHash: new Uint8Array(32) }],
  ])('an envelope about another %s', (what, envelope) => {
    expect(verdictOn(make({ envelope }))).toMatchObject(invalid(new RegExp(`another ${what}`)))
  })

  test.each([
    { sender: 'Alice@a.test' },
    { sender: 'alice+x@a.test' },
    { recipient: 'bob@evil.test@b.test' },
    { recipient: '@b.test' },
  ])('names that are not canonical, in the envelope as well: %o', (names) => {
    const made = make({ delivery: names, envelope: names })
    expect(verdictOn(made)).toMatchObject(invalid(/canonical|no address|address of b/))
  })

  test('a message of more than five minutes ahead', () => {
    expect(verdictOn(make({ now: now + 5 * 60_000 }))).not.toHaveProperty('status')
    expect(verdictOn(make({ now: now + 5 * 60_000 + 1 }))).toMatchObject(invalid(/future/))
  })

  test('a message that has expired', () => {
    const old = make({ now: now - 6 * 86_400_000 })
    expect(verdictOn(old)).toMatchObject(invalid(/expired/))
  })

  test('a part named twice', () => {
    const hash = new Uint8Array(32)
    const made = make({ delivery: { attachmentHashes: [hash, hash] } })
    expect(verdictOn(made, [[toHex(hash), 10]])).toMatchObject(invalid(/twice/))
  })

  test('an empty content', () => {
    expect(verdictOn(make({ content: new Uint8Array(0) }))).toMatchObject(invalid(/empty/))
  })
})

const tooLarge = (detail: RegExp) => ({
  status: 'TOO_LARGE',
  detail: expect.stringMatching(detail),
})

describe('refused as too large, naming the limit:', () => {
  test('content and envelope over 1 MiB', () => {
    const content = new Uint8Array(1024 * 1024)
    expect(verdictOn(make({ content }))).toMatchObject(tooLarge(/1048576/))
  })

  test('an envelope over its own limit', () => {
    const delivery = { envelope: new Uint8Array(4097) }
    expect(verdictOn(make({ delivery }))).toMatchObject(tooLarge(/4096/))
  })

  test('a message over 25 MiB with its attachments', () => {
    const hashes = Array.from({ length: 26 }, (_, at) => new Uint8Array(32).fill(at))
    const uploads = hashes.map((hash): [string, number] => [toHex(hash), 1024 * 1024])
    const made = make({ delivery: { attachmentHashes: hashes } })
    expect(verdictOn(made, uploads)).toMatchObject(tooLarge(/26214400/))
  })

  test('more parts than there may be', () => {
    const hashes = Array.from({ length: 257 }, () => new Uint8Array(32))
    expect(verdictOn(make({ delivery: { attachmentHashes: hashes } }))).toMatchObject(
      tooLarge(/256/),
    )
  })
})

test('an envelope of a suite to come is left for later, not called broken', () => {
  const made = make({ envelope: { suite: 2 } })
  expect(verdictOn(made)).toMatchObject({ status: 'UNSUPPORTED_VERSION' })
})
