import { toHex } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { padmeLength } from '@mailx/crypto/padding'
import { randomBytes } from '@mailx/crypto/random'
import { formatId, newId } from '@mailx/crypto/uuid'
import { Envelope } from '@mailx/proto/envelope/v1/envelope'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { openMessage } from './open-message.ts'
import { type Recipient, type SealRequest, sealMessage } from './seal-message.ts'
import { NOW, type Person, people, repeatableRandom } from './testing/sample-message.ts'

const { alice, bob, carol, mallory } = people
const refusedWith = (code: string) => expect.objectContaining({ name: 'MailxError', code })

const to = (person: Person, bcc = false): Recipient => ({
  address: person.address,
  keys: person.keys,
  bcc,
})

const draft = { to: [bob.address], subject: 'Hello', body: 'How are you?' }

const seal = (change: Partial<SealRequest> = {}) =>
  sealMessage({
    payload: draft,
    from: alice.from,
    recipients: [to(bob)],
    now: NOW,
    random: repeatableRandom('seal'),
    ...change,
  })

const open = (sealed: ReturnType<typeof seal>, index: number, reader: Person) => {
  const envelope = sealed.envelopes[index]
  if (envelope === undefined) throw new Error(`no envelope ${index}`)
  const { content } = sealed
  return openMessage({ envelope, content, me: reader.me, sender: alice.keys })
}

test('what is sealed is opened by the recipient on each of his devices', () => {
  const sealed = seal()
  for (const device of bob.me.devices) {
    const me = { address: bob.address, devices: [device] }
    const [envelope = new Uint8Array()] = sealed.envelopes
    const opened = openMessage({ envelope, content: sealed.content, me, sender: alice.keys })
    expect(opened).toEqual({
      payload: sealed.payload,
      messageId: sealed.messageId,
      sender: alice.address,
      senderDeviceId: alice.from.device.id,
      recipient: bob.address,
      createdAt: NOW,
      deviceListVersion: 1,
      deviceId: device.id,
    })
  }
})

test('the payload gets identity, sender and date', () => {
  const { payload, messageId } = seal()
  expect(payload).toEqual({
    ...draft,
    messageId: formatId(messageId),
    from: alice.address,
    cc: [],
    date: '2026-01-10T00:00:00.000Z',
    contentType: 'text/plain',
    references: [],
    attachments: [],
  })
})

test('a message id can be chosen, and a retry then has the same one', () => {
  const messageId = newId(NOW, randomBytes)
  expect(seal({ messageId }).messageId).toEqual(messageId)
  expect(Envelope.decode(seal({ messageId }).envelopes[0] ?? messageId)).toMatchObject({
    messageId,
  })
})

test('everybody gets one content and an envelope of their own, the sender too', () => {
  const sealed = seal({
    payload: { ...draft, cc: ['Carol+lists@a.example'] },
    recipients: [to(bob), to(carol), to(alice)],
  })
  expect(sealed.envelopes).toHaveLength(3)
  const readers = [bob, carol, alice]
  readers.forEach((reader, index) => {
    expect(open(sealed, index, reader).payload).toEqual(sealed.payload)
    for (const other of readers.filter((person) => person !== reader)) {
      expect(() => open(sealed, index, other)).toThrow(refusedWith('BAD_ENVELOPE'))
    }
  })
  const hashes = sealed.envelopes.map((envelope) => Envelope.decode(envelope).contentHash)
  for (const hash of hashes) expect(hash).toEqual(blake2b256(sealed.content))
})

test('a Bcc changes not one byte of what the others get', () => {
  const messageId = newId(NOW, repeatableRandom('id'))
  const open1 = seal({ messageId, recipients: [to(bob)] })
  const withBcc = seal({ messageId, recipients: [to(bob), to(carol, true), to(mallory, true)] })
  expect(withBcc.content).toEqual(open1.content)
  expect(withBcc.envelopes[0]).toEqual(open1.envelopes[0])
  const read = open(withBcc, 1, carol).payload
  expect(read).toEqual(open1.payload)
  expect(JSON.stringify(read)).not.toContain('carol')
})

test.each<[string, Partial<SealRequest>, string]>([
  ['nobody', { recipients: [] }, 'INVALID_ARGUMENT'],
  ['somebody twice', { recipients: [to(bob), to(bob)] }, 'INVALID_ARGUMENT'],
  ['a Bcc whom to shows', { recipients: [to(bob, true)] }, 'INVALID_ARGUMENT'],
  [
    'a Bcc whom cc shows with a tag',
    { payload: { ...draft, cc: ['carol+x@a.example'] }, recipients: [to(bob), to(carol, true)] },
    'INVALID_ARGUMENT',
  ],
  ['somebody whom neither to nor cc shows', { recipients: [to(carol)] }, 'INVALID_ARGUMENT'],
  [
    'somebody with the keys of another',
    { recipients: [{ address: bob.address, keys: carol.keys }] },
    'INVALID_ARGUMENT',
  ],
  [
    'somebody without devices',
    { recipients: [{ address: bob.address, keys: { ...bob.keys, devices: [] } }] },
    'INVALID_ARGUMENT',
  ],
  [
    'more than a hundred',
    {
      recipients: Array.from({ length: 101 }, (_, index) => {
        const address = `user${index}@a.example`
        return { address, keys: { ...bob.keys, address }, bcc: true }
      }),
    },
    'TOO_MANY_RECIPIENTS',
  ],
  ['a weak key', { recipients: [weak(bob)] }, 'BAD_KEY'],
  ['no subject', { payload: { ...draft, subject: 7 as never } }, 'INVALID_ARGUMENT'],
  ['a subject of two lines', { payload: { ...draft, subject: 'a\r\nBcc: x' } }, 'INVALID_ARGUMENT'],
  ['no address', { payload: { ...draft, cc: ['everybody'] } }, 'INVALID_ADDRESS'],
  ['a message id of another length', { messageId: new Uint8Array(15) }, 'INVALID_ARGUMENT'],
  ['two megabytes of text', { payload: { ...draft, body: 'x'.repeat(2 ** 21) } }, 'TOO_LARGE'],
  [
    'text that padding makes too large',
    { payload: { ...draft, body: 'x'.repeat(1_043_000) } },
    'TOO_LARGE',
  ],
])('a message to or with %s is refused', (_what, change, code) => {
  expect(() => seal(change)).toThrow(refusedWith(code))
})

function weak(person: Person): Recipient {
  const [device, ...rest] = person.keys.devices
  if (device === undefined) throw new Error('a sample user has devices')
  const devices = [{ ...device, encryptionKey: new Uint8Array(32) }, ...rest]
  return { address: person.address, keys: { ...person.keys, devices } }
}

const sizeOf = (body: string) => seal({ payload: { ...draft, body } }).content.length

test('the size of a content tells its bucket and no more', () => {
  const sizes = new Set(Array.from({ length: 200 }, (_, index) => sizeOf('x'.repeat(5000 + index))))
  expect(sizes.size).toBeLessThanOrEqual(3)
  for (const size of sizes) expect(padmeLength(size - 41)).toBe(size - 41)
})

test('key packets lie in the order of their tags, not of the device list', () => {
  for (let run = 0; run < 20; run += 1) {
    const { envelopes } = seal({ random: repeatableRandom(`order ${run}`) })
    const { keyPackets } = Envelope.decode(envelopes[0] ?? new Uint8Array())
    const tags = keyPackets.map(({ deviceTag }) => toHex(deviceTag))
    expect(tags).toEqual(tags.toSorted())
    expect(new Set(tags).size).toBe(3)
  }
})

test('no nonce or device tag comes twice', { timeout: 30_000 }, () => {
  const seen = new Set<string>()
  let expected = 0
  for (let run = 0; run < 300; run += 1) {
    const { content, envelopes } = seal({ random: randomBytes })
    const packets = Envelope.decode(envelopes[0] ?? new Uint8Array()).keyPackets
    const values = [
      content.subarray(1, 25),
      ...packets.flatMap(({ nonce, deviceTag }) => [nonce, deviceTag]),
    ]
    for (const value of values) seen.add(value.join())
    expected += values.length
  }
  expect(seen.size).toBe(expected)
})

test('any text survives', { timeout: 30_000 }, () => {
  const line = fc
    .string({ unit: 'grapheme', maxLength: 80 })
    .filter((text) => !/[\p{Cc}\u2028-\u202e\u2066-\u2069]/u.test(text))
  const texts = fc.record({
    subject: line,
    body: fc.string({ unit: 'binary', maxLength: 2000 }).filter((text) => text.isWellFormed()),
    references: fc.array(line, { maxLength: 5 }),
    inReplyTo: line,
  })
  fc.assert(
    fc.property(texts, (fields) => {
      const sealed = seal({ payload: { ...draft, ...fields }, random: randomBytes })
      expect(open(sealed, 0, bob).payload).toMatchObject(fields)
    }),
    { numRuns: 100 },
  )
})

/** Milliseconds of the middle run. */
const median = (run: () => void) => {
  const times = Array.from({ length: 21 }, () => {
    const start = performance.now()
    run()
    return performance.now() - start
  })
  return times.toSorted((a, b) => a - b)[10]
}

test('ten kibibytes are sealed in less than ten milliseconds and opened in less', () => {
  const payload = { ...draft, body: 'x'.repeat(10 * 1024) }
  const sealed = seal({ payload, random: randomBytes })
  expect(median(() => seal({ payload, random: randomBytes }))).toBeLessThan(10)
  expect(median(() => open(sealed, 0, bob))).toBeLessThan(10)
})
