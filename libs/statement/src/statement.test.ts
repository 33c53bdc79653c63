import { concat, equal, toHex, utf8 } from '@mailx/crypto/encoding'
import { signingKeyPair, verify } from '@mailx/crypto/sign'
import { array, assert, nat, oneof, pre, property, string, uint8Array } from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeFields, type FieldValue } from './encode-fields.ts'
import {
  type FieldKind,
  type Purpose,
  purposeNames,
  purposes,
  type StatementOf,
} from './purposes.ts'
import { encodeStatement, signStatement, verifyStatement } from './statement.ts'

const { publicKey, secretKey } = signingKeyPair(new Uint8Array(32).fill(1))

function sampleOf(purpose: Purpose): StatementOf<Purpose> {
  const sample = (kind: FieldKind): unknown => {
    if (kind === 'text') return 'text'
    if (kind === 'bytes') return new Uint8Array(8)
    if (kind === 'uint') return 0
    return [Object.fromEntries(kind.map(([name, inner]) => [name, sample(inner)]))]
  }
  return Object.fromEntries(
    purposes[purpose].map(([name, kind]) => [name, sample(kind)]),
  ) as StatementOf<Purpose>
}

test('a statement is its purpose, then each field behind its length', () => {
  const record = { domain: 'a.test', serial: 1, validUntil: 2, document: utf8('{}') }
  const expected = [
    toHex(utf8('mailx/v1/domain-document')),
    '00',
    `00000006${toHex(utf8('a.test'))}`,
    '000000080000000000000001',
    '000000080000000000000002',
    `00000002${toHex(utf8('{}'))}`,
  ]
  expect(toHex(encodeStatement('domain-document', record))).toBe(expected.join(''))
})

const length = (bytes: number) => bytes.toString(16).padStart(8, '0')

test.each([100, 1_000, 10_000, 1_000_000])(
  'fields of %i bytes are written as small ones are',
  (size) => {
    const text = 'x'.repeat(size)
    const written = encodeFields('message', [text, [utf8(text), 1]])
    const hex = toHex(utf8(text))
    const nested = `${length(size)}${hex}000000080000000000000001`
    const expected = `${length(size)}${hex}${length(nested.length / 2)}${nested}`
    expect(toHex(written) === `${toHex(utf8('mailx/v1/message\0'))}${expected}`).toBe(true)
  },
)

describe.each(purposeNames)('a signature for %s', (purpose) => {
  const record = sampleOf(purpose)
  const signature = signStatement(purpose, record, secretKey)

  test('is good for its own purpose', () => {
    expect(verifyStatement(purpose, record, signature, publicKey)).toBe(true)
  })

  test.each(purposeNames.filter((other) => other !== purpose))('is no good for %s', (other) => {
    expect(verifyStatement(other, sampleOf(other), signature, publicKey)).toBe(false)
    // Not even over the very same bytes of fields, which two purposes of one shape can have.
    const fields = encodeStatement(purpose, record).subarray(utf8(`mailx/v1/${purpose}\0`).length)
    const moved = concat(utf8(`mailx/v1/${other}\0`), fields)
    expect(verify(publicKey, concat(utf8(`mailx/v1/${purpose}\0`), fields), signature)).toBe(true)
    expect(verify(publicKey, moved, signature)).toBe(false)
  })

  test('is no good in another length, under another key, or bare', () => {
    const stranger = signingKeyPair(new Uint8Array(32).fill(2)).publicKey
    expect(verifyStatement(purpose, record, signature, stranger)).toBe(false)
    expect(verifyStatement(purpose, record, signature.subarray(0, 63), publicKey)).toBe(false)
    expect(verifyStatement(purpose, record, new Uint8Array([...signature, 0]), publicKey)).toBe(
      false,
    )
    expect(verifyStatement(purpose, record, signature, publicKey.subarray(0, 31))).toBe(false)
  })
})

const atom = oneof(string({ maxLength: 6 }), uint8Array({ maxLength: 6 }), nat({ max: 300 }))
const fields = array(oneof(atom, array(atom, { maxLength: 3 })), { maxLength: 4 })

// What two fields may not be told apart by: their types. Each slot has one type for ever.
const shape = (value: FieldValue): unknown => {
  if (typeof value === 'string') return toHex(utf8(value))
  if (value instanceof Uint8Array) return toHex(value)
  if (typeof value === 'number' || typeof value === 'bigint') {
    return value.toString(16).padStart(16, '0')
  }
  return toHex(encodeFields('x', value).subarray(11))
}

test('different fields never give the same bytes', () => {
  assert(
    property(fields, fields, (one, other) => {
      const same = equal(encodeFields('message', one), encodeFields('message', other))
      expect(same).toBe(JSON.stringify(one.map(shape)) === JSON.stringify(other.map(shape)))
    }),
    { numRuns: 5_000 },
  )
})

test('moving a byte across a boundary gives other bytes', () => {
  assert(
    property(string({ minLength: 1 }), string(), (left, right) => {
      const moved = [left.slice(0, -1), left.slice(-1) + right]
      pre(moved.every((text) => text.isWellFormed()))
      expect(equal(encodeFields('message', [left, right]), encodeFields('message', moved))).toBe(
        false,
      )
    }),
  )
})

test('what cannot be written is not written', () => {
  expect(() => encodeFields('no purpose', [])).toThrow('not a purpose')
  expect(() => encodeFields('a\0b', [])).toThrow('not a purpose')
  expect(() => encodeFields('message', [-1])).toThrow('unsigned')
  expect(() => encodeFields('message', [2 ** 53])).toThrow('safe')
  expect(() => encodeFields('message', ['\ud800'])).toThrow('surrogate')
})

const head = { origin: 'a.test', size: 1, root: new Uint8Array(32), at: 2 }
const overHead = signStatement('tree-head', head, secretKey)

test.each([
  ['a negative integer', { size: -1n }],
  ['an integer of 65 bits', { size: 2n ** 64n }],
  ['a fraction', { at: 1.5 }],
  ['half a character', { origin: '\ud800' }],
  ['bytes for a text', { origin: utf8('a.test') }],
  ['a text for bytes', { root: 'root' }],
  ['a text for an integer', { size: '1' }],
  ['a field missing', { root: undefined }],
])('a record with %s was not signed, and cannot be', (_what, change) => {
  const record = { ...head, ...change } as typeof head
  expect(verifyStatement('tree-head', head, overHead, publicKey)).toBe(true)
  expect(verifyStatement('tree-head', record, overHead, publicKey)).toBe(false)
  expect(() => signStatement('tree-head', record, secretKey)).toThrow(
    expect.objectContaining({ code: 'INVALID_ARGUMENT' }),
  )
})

test('a list as long as a peer likes is only a wrong list', () => {
  const record = sampleOf('device-list') as StatementOf<'device-list'>
  const signature = signStatement('device-list', record, secretKey)
  const [device] = record.devices
  const devices = Array.from({ length: 30_000 }, () => device) as typeof record.devices
  expect(verifyStatement('device-list', { ...record, devices }, signature, publicKey)).toBe(false)
  const nobody = { ...record, devices: [null] } as unknown as typeof record
  expect(verifyStatement('device-list', nobody, signature, publicKey)).toBe(false)
})

test('devices cannot be moved between a list and its neighbours', () => {
  const record = sampleOf('device-list') as StatementOf<'device-list'>
  const [device] = record.devices
  if (!device) throw new Error('a sample has a device')
  const lists = [[], [device], [device, device], [{ ...device, name: '' }]]
  const statements = lists.map((devices) =>
    toHex(encodeStatement('device-list', { ...record, devices })),
  )
  expect(new Set(statements).size).toBe(lists.length)
})
