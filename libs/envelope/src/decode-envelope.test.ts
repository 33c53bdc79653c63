import { concat, equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { Envelope } from '@mailx/proto/envelope/v1/envelope'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { decodeEnvelope } from './decode-envelope.ts'
import { readCanonical } from './read-canonical.ts'
import { people, samplePayload, sealAnything } from './testing/sample-message.ts'

const { envelope } = sealAnything(new TextEncoder().encode(JSON.stringify(samplePayload())))
const decoded = Envelope.decode(envelope)
const badEnvelope = expect.objectContaining({ name: 'MailxError', code: 'BAD_ENVELOPE' })

const encoded = (change: Partial<Envelope>) => Envelope.encode({ ...decoded, ...change }).finish()
const bytes = (...values: number[]) => Uint8Array.from(values)
const [packet] = decoded.keyPackets
if (!packet) throw new Error('the sample has key packets')

test('an envelope is what its bytes say', () => {
  expect(decodeEnvelope(envelope)).toEqual(decoded)
})

test.each<[string, Uint8Array]>([
  ['an unknown field', concat(envelope, bytes(0x6a, 0x01, 0x00))],
  ['an unknown field in front', concat(bytes(0xf8, 0x07, 0x01), envelope)],
  ['a field twice', concat(envelope, envelope.subarray(0, 2))],
  ['the version twice, the last one right', concat(bytes(0x08, 0x02), envelope)],
  [
    'fields in another order',
    concat(envelope.subarray(2, 4), envelope.subarray(0, 2), envelope.subarray(4)),
  ],
  ['a longer varint', concat(bytes(0x08, 0x81, 0x00), envelope.subarray(2))],
  ['an explicit empty field', concat(bytes(0x6a, 0x00), envelope)],
  ['a group end behind it', concat(envelope, bytes(0x0c))],
  ['a zero behind it', concat(envelope, bytes(0x00))],
  ['anything behind it', concat(envelope, envelope)],
  ['a wrong wire type', concat(bytes(0x0d, 1, 0, 0, 0), envelope.subarray(2))],
  ['text that is not UTF-8', invalidText()],
  ['a packet with an unknown field', packetWith(bytes(0x20, 0x01))],
])('%s is refused', (_what, input) => {
  expect(() => decodeEnvelope(input)).toThrow(badEnvelope)
})

function invalidText(): Uint8Array {
  const at = envelope.findIndex(
    (_, i) => envelope.subarray(i, i + 5).join() === '97,108,105,99,101',
  )
  return envelope.map((byte, index) => (index === at ? 0xff : byte))
}

function packetWith(extra: Uint8Array): Uint8Array {
  const without = encoded({ keyPackets: [] })
  const at = without.length - 18 - 66
  const inner = concat(
    bytes(0x0a, 16),
    packet?.deviceTag ?? bytes(),
    bytes(0x12, 24),
    packet?.nonce ?? bytes(),
    bytes(0x1a, 48),
    packet?.box ?? bytes(),
  )
  const whole = (body: Uint8Array) =>
    concat(without.subarray(0, at), bytes(0x52, body.length), body, without.subarray(at))
  expect(() => decodeEnvelope(whole(inner))).not.toThrow()
  return whole(concat(inner, extra))
}

test.each<[string, Partial<Envelope>]>([
  ['a message id of 15 bytes', { messageId: new Uint8Array(15) }],
  ['no message id', { messageId: new Uint8Array(0) }],
  ['no sender', { sender: '' }],
  ['a sender in capitals', { sender: 'Alice@a.example' }],
  ['a sender with a tag', { sender: 'alice+x@a.example' }],
  ['a sender that is no address', { sender: 'alice' }],
  ['a sender in Unicode', { sender: 'alice@bücher.example' }],
  ['a recipient with a trailing dot', { recipient: 'bob@a.example.' }],
  ['a time before 1970', { createdAtUnixMs: -1n }],
  ['no time', { createdAtUnixMs: 0n }],
  ['a time beyond 2^53', { createdAtUnixMs: 2n ** 53n }],
  ['a content hash of 31 bytes', { contentHash: new Uint8Array(31) }],
  ['a key commitment of 33 bytes', { keyCommitment: new Uint8Array(33) }],
  ['no device list version', { deviceListVersion: 0 }],
  ['no key packet', { keyPackets: [] }],
  ['seventeen key packets', { keyPackets: Array.from({ length: 17 }, (_, i) => tagged(i)) }],
  ['two key packets with one tag', { keyPackets: [packet, packet] }],
  ['a device tag of 15 bytes', { keyPackets: [{ ...packet, deviceTag: new Uint8Array(15) }] }],
  ['a nonce of 23 bytes', { keyPackets: [{ ...packet, nonce: new Uint8Array(23) }] }],
  ['a box of 47 bytes', { keyPackets: [{ ...packet, box: new Uint8Array(47) }] }],
  ['a device id of 17 bytes', { senderDeviceId: new Uint8Array(17) }],
  ['a signature of 63 bytes', { signature: new Uint8Array(63) }],
  ['a signature of 65 bytes', { signature: new Uint8Array(65) }],
])('%s is refused', (_what, change) => {
  expect(() => decodeEnvelope(encoded(change))).toThrow(badEnvelope)
})

function tagged(index: number) {
  return {
    deviceTag: new Uint8Array(16).fill(index + 1),
    nonce: new Uint8Array(24),
    box: new Uint8Array(48),
  }
}

test('the largest envelope fits the limit', () => {
  const domain = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(61)}`
  const address = `${'x'.repeat(64)}@${domain}`
  const largest = encoded({
    sender: address,
    recipient: address,
    keyPackets: Array.from({ length: 16 }, (_, index) => tagged(index)),
    deviceListVersion: 0xffff_ffff,
    createdAtUnixMs: 2n ** 53n - 1n,
  })
  expect(decodeEnvelope(largest).recipient).toBe(address)
})

/** The bytes that an envelope is encoded to again, or the code of the refusal. */
function outcomeOf(input: Uint8Array): string {
  try {
    return Envelope.encode(decodeEnvelope(input)).finish().join()
  } catch (error) {
    return error instanceof MailxError ? error.code : String(error)
  }
}

test('whatever arrives, the answer is an envelope or a refusal', { timeout: 30_000 }, () => {
  const mangled = fc
    .record({ at: fc.nat(envelope.length), cut: fc.nat(40), put: fc.uint8Array({ maxLength: 40 }) })
    .map(({ at, cut, put }) => concat(envelope.subarray(0, at), put, envelope.subarray(at + cut)))
  const refusals = ['BAD_ENVELOPE', 'UNSUPPORTED_VERSION', 'TOO_LARGE']
  fc.assert(
    fc.property(fc.oneof(mangled, fc.uint8Array({ maxLength: 500 })), (input) => {
      expect([...refusals, input.join()]).toContain(outcomeOf(input))
    }),
    { numRuns: 1000 },
  )
})

test('what is read in one go is what would be decoded, and encodes to the same bytes', () => {
  expect(readCanonical(envelope)).toEqual(decoded)
  const mangled = fc
    .record({ at: fc.nat(envelope.length), cut: fc.nat(3), put: fc.uint8Array({ maxLength: 3 }) })
    .map(({ at, cut, put }) => concat(envelope.subarray(0, at), put, envelope.subarray(at + cut)))
  let read = 0
  fc.assert(
    fc.property(mangled, (input) => {
      const found = readCanonical(input)
      if (found === undefined) return
      read += 1
      expect(found).toEqual(Envelope.decode(input))
      expect(equal(Envelope.encode(found).finish(), input)).toBe(true)
    }),
    { numRuns: 3000 },
  )
  expect(read).toBeGreaterThan(100)
})

test('people of the sample are who the envelope names', () => {
  expect(decoded).toMatchObject({
    sender: people.alice.address,
    recipient: people.bob.address,
  })
})
