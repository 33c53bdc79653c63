import { concat, utf8 } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { sealSecretbox } from '@mailx/crypto/secretbox'
import { seedOf } from '@mailx/keys/testing/sample-domain'
import { Envelope } from '@mailx/proto/envelope/v1/envelope'
import { expect, test } from 'vitest'
import { openKeyPacket, sealKeyPacket } from './key-packet.ts'
import { type OpenRequest, openMessage } from './open-message.ts'
import {
  envelopeFor,
  people,
  resign,
  SAMPLE_ID,
  SAMPLE_KEY,
  samplePayload,
  sealAnything,
} from './testing/sample-message.ts'

const { alice, bob, carol, mallory } = people
const refusedWith = (code: string) => expect.objectContaining({ name: 'MailxError', code })

const json = (value: unknown) => utf8(JSON.stringify(value))
const { envelope, content } = sealAnything(json(samplePayload()))
const decoded = Envelope.decode(envelope)

const open = (change: Partial<OpenRequest> = {}) =>
  openMessage({ envelope, content, me: bob.me, sender: alice.keys, ...change })

const flipped = (bytes: Uint8Array, index: number) =>
  bytes.map((byte, at) => (at === index ? byte ^ 1 : byte))

test('the sample opens, so what follows fails for its own reason', () => {
  expect(open().payload.subject).toBe('Meeting tomorrow')
})

test.each<[string, string, Partial<OpenRequest>]>([
  ['TOO_LARGE', 'a content over the limit', { content: new Uint8Array(2 ** 20).fill(1) }],
  ['TOO_LARGE', 'an envelope over the limit', { envelope: new Uint8Array(4097) }],
  ['BAD_CONTENT', 'an empty content', { content: new Uint8Array() }],
  ['BAD_CONTENT', 'a content that holds nothing', { content: content.subarray(0, 41) }],
  ['BAD_CONTENT', 'a content of another form', { content: Uint8Array.of(2, ...content.slice(1)) }],
  ['BAD_ENVELOPE', 'no envelope', { envelope: new Uint8Array() }],
  ['BAD_ENVELOPE', 'a cut envelope', { envelope: envelope.subarray(0, 300) }],
  ['UNSUPPORTED_VERSION', 'a newer version', { envelope: resign(envelope, { version: 2 }) }],
  ['BAD_ENVELOPE', 'no version', { envelope: resign(envelope, { version: 0 }) }],
  ['UNSUPPORTED_VERSION', 'a newer version with new fields', { envelope: newer() }],
  ['UNSUPPORTED_VERSION', 'a newer suite', { envelope: resign(envelope, { suite: 2 }) }],
  ['BAD_ENVELOPE', 'an envelope for another', { me: carol.me }],
  ['BAD_SIGNATURE', 'the keys of another sender', { sender: mallory.keys }],
  ['DEVICE_REVOKED', 'a device that is listed no more', { sender: without(alice.from.device.id) }],
  ['DEVICE_REVOKED', 'a sender without devices', { sender: { ...alice.keys, devices: [] } }],
  ['BAD_SIGNATURE', 'a signature by another device', { envelope: byAnotherDevice() }],
  [
    'BAD_SIGNATURE',
    'a signature by another user',
    { envelope: resign(envelope, {}, mallory.from.device) },
  ],
  ['BAD_CONTENT', 'another content', { content: flipped(content, 100) }],
  ['BAD_CONTENT', 'a content with a byte more', { content: concat(content, Uint8Array.of(0)) }],
  ['NO_KEY_PACKET', 'a device that came later', { me: { ...bob.me, devices: [newDevice()] } }],
  ['NO_KEY_PACKET', 'a reader without devices', { me: { ...bob.me, devices: [] } }],
  [
    'DECRYPTION_FAILED',
    'a broken key packet',
    { envelope: withPackets({ nonce: new Uint8Array(24) }) },
  ],
  [
    'BAD_ENVELOPE',
    'another commitment',
    { envelope: resign(envelope, { keyCommitment: seedOf('x') }) },
  ],
])('%s for %s', (code, _what, change) => {
  expect(() => open(change)).toThrow(refusedWith(code))
})

function newer(): Uint8Array {
  return concat(resign(envelope, { version: 2 }), Uint8Array.of(0x6a, 1, 7))
}

function without(id: Uint8Array) {
  const devices = alice.keys.devices.filter((device) => device.id.join() !== id.join())
  return { ...alice.keys, devices }
}

function byAnotherDevice(): Uint8Array {
  const [, second] = alice.keys.devices
  return resign(envelope, { senderDeviceId: second?.id ?? SAMPLE_ID })
}

function newDevice() {
  return { id: SAMPLE_ID, encryptionSecretKey: seedOf('new device') }
}

function withPackets(change: object): Uint8Array {
  return resign(envelope, {
    keyPackets: decoded.keyPackets.map((packet) => ({ ...packet, ...change })),
  })
}

test('a content that its own key does not open is refused', () => {
  const broken = concat(content.subarray(0, 25), flipped(content.subarray(25), 0))
  const choice = { from: alice, to: bob, contentKey: SAMPLE_KEY, committedKey: SAMPLE_KEY }
  expect(() => open({ content: broken, envelope: envelopeFor(broken, choice) })).toThrow(
    refusedWith('DECRYPTION_FAILED'),
  )
})

test('a content whose padding is not what sealing makes is refused', () => {
  const nonce = seedOf('nonce').slice(0, 24)
  const choice = { from: alice, to: bob, contentKey: SAMPLE_KEY, committedKey: SAMPLE_KEY }
  const text = json(samplePayload())
  const paddings = [
    [],
    [0x80, 0, 0, 0, 0],
    [0],
    Array.from({ length: 4096 }, (_, i) => (i ? 0 : 128)),
  ]
  for (const padding of paddings) {
    const box = sealSecretbox({ key: SAMPLE_KEY, nonce }, Uint8Array.of(...text, ...padding))
    const odd = concat(Uint8Array.of(1), nonce, box)
    expect(() => open({ content: odd, envelope: envelopeFor(odd, choice) })).toThrow(
      refusedWith('BAD_CONTENT'),
    )
  }
})

const payload = samplePayload()
const deep = `${'['.repeat(40)}${']'.repeat(40)}`

test.each<[string, string | object]>([
  ['no JSON', 'hello'],
  ['a list', '[]'],
  ['a member named twice', JSON.stringify(payload).replace('{', '{"from":"bob@a.example",')],
  ['a member named __proto__', JSON.stringify(payload).replace('{', '{"__proto__":{},')],
  ['forty levels', JSON.stringify(payload).replace('{', `{"x":${deep},`)],
  ['another sender inside', { ...payload, from: mallory.address }],
  ['the sender with a tag inside', { ...payload, from: 'alice+x@a.example' }],
  ['another message id inside', { ...payload, messageId: '01890000-0000-7000-8000-000000000000' }],
  ['a message id in capitals', { ...payload, messageId: payload.messageId.toUpperCase() }],
  ['no sender inside', { ...payload, from: undefined }],
  ['no body', { ...payload, body: undefined }],
])('BAD_CONTENT for a payload with %s', (_what, inside) => {
  const bytes = typeof inside === 'string' ? utf8(inside) : json(inside)
  expect(() => open(sealAnything(bytes))).toThrow(refusedWith('BAD_CONTENT'))
})

test('members of newer versions are passed over', () => {
  const sealed = sealAnything(json({ ...payload, mood: 'good' }))
  expect(open(sealed).payload).toEqual(open().payload)
})

test('no changed byte of an envelope goes unnoticed', { timeout: 30_000 }, () => {
  const codes = ['BAD_ENVELOPE', 'UNSUPPORTED_VERSION', 'BAD_SIGNATURE', 'DEVICE_REVOKED']
  for (let index = 0; index < envelope.length; index += 1) {
    expect(() => open({ envelope: flipped(envelope, index) })).toThrow(
      expect.toSatisfy((error: unknown) => codes.includes((error as { code: string }).code)),
    )
  }
})

test('no changed byte of a content goes unnoticed', () => {
  for (let index = 1; index < content.length; index += 7) {
    expect(() => open({ content: flipped(content, index) })).toThrow(refusedWith('BAD_CONTENT'))
  }
})

test('a reader cannot pass a message on as if it had been for another', () => {
  // Bob knows the content key. He has no signature of Alice's for Carol, and his own is not hers.
  const asAlice = { from: alice, to: carol, contentKey: SAMPLE_KEY, committedKey: SAMPLE_KEY }
  const forged = resign(envelopeFor(content, asAlice), {}, bob.from.device)
  const toCarol = { me: carol.me, envelope: forged }
  expect(() => open(toCarol)).toThrow(refusedWith('BAD_SIGNATURE'))
  const retargeted = Envelope.encode({ ...decoded, recipient: carol.address }).finish()
  expect(() => open({ me: carol.me, envelope: retargeted })).toThrow(refusedWith('BAD_SIGNATURE'))
  const asBob = envelopeFor(content, { ...asAlice, from: bob })
  expect(() => open({ me: carol.me, envelope: asBob, sender: bob.keys })).toThrow(
    refusedWith('BAD_CONTENT'),
  )
})

test('a stranger cannot strip a signature and put theirs', () => {
  const stolen = resign(
    envelope,
    { sender: mallory.address, senderDeviceId: mallory.from.device.id },
    mallory.from.device,
  )
  expect(() => open({ envelope: stolen, sender: mallory.keys })).toThrow(
    refusedWith('DECRYPTION_FAILED'),
  )
})

test('key packets do not move between messages, even by their sender', () => {
  const other = sealAnything(json(payload), { contentKey: seedOf('another content key') })
  const { keyPackets } = Envelope.decode(other.envelope)
  const swapped = Envelope.encode({ ...decoded, keyPackets }).finish()
  expect(() => open({ envelope: swapped })).toThrow(refusedWith('BAD_SIGNATURE'))
  expect(() => open({ envelope: resign(envelope, { keyPackets }) })).toThrow(
    refusedWith('BAD_ENVELOPE'),
  )
  const renamed = resign(envelope, { messageId: seedOf('x').slice(0, 16) })
  expect(() => open({ envelope: renamed })).toThrow(refusedWith('NO_KEY_PACKET'))
})

test('who has stolen a reader’s keys still cannot write to the reader as somebody else', () => {
  // X25519 is symmetric: Bob's secret key makes boxes that seem to come from Alice. Signing does not.
  const [device] = bob.me.devices
  const [aliceDevice] = alice.keys.devices
  const [bobDevice] = bob.keys.devices
  if (!device || !aliceDevice || !bobDevice) throw new Error('sample users have devices')
  const contentKey = seedOf('forged')
  const packet = sealKeyPacket({
    device: { id: bobDevice.id, encryptionKey: aliceDevice.encryptionKey },
    messageId: SAMPLE_ID,
    senderSecretKey: device.encryptionSecretKey,
    contentKey,
    nonce: new Uint8Array(24),
  })
  const opened = openKeyPacket(packet, {
    secretKey: device.encryptionSecretKey,
    senderEncryptionKey: aliceDevice.encryptionKey,
  })
  expect(opened).toEqual(contentKey)
  const forged = resign(
    envelope,
    { contentHash: blake2b256(content), keyPackets: [packet] },
    bob.from.device,
  )
  expect(() => open({ envelope: forged })).toThrow(refusedWith('BAD_SIGNATURE'))
})
