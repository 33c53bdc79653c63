import { toHex, utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { encodeStatement } from '@mailx/statement/statement'
import { expect, test } from 'vitest'
import { attestationBytes } from './attestation.ts'
import { deviceListBytes } from './device-list.ts'
import { keyLogLeaf, leavesOf } from './key-log-leaf.ts'
import { sampleDomain, seedOf } from './testing/sample-domain.ts'

const NOW = Date.UTC(2026, 0, 10)
const [alice] = sampleDomain('a.example', ['alice'], NOW).users
if (!alice) throw new Error('the sample has a user')

test('a leaf is 42 bytes: form, kind, time, commitment', () => {
  const statement = utf8('statement')
  const opening = seedOf('opening')
  const leaf = keyLogLeaf({ kind: 3, at: 0x0102_0304_0506, statement, opening })
  expect(toHex(leaf.subarray(0, 10))).toBe('01030000010203040506')
  expect(leaf.subarray(10)).toEqual(blake2b(statement, { length: 32, key: opening }))
  expect(leaf).toHaveLength(42)
})

test('an opening of another length is refused', () => {
  const entry = { kind: 1, at: 1, statement: utf8('x'), opening: new Uint8Array(31) } as const
  expect(() => keyLogLeaf(entry)).toThrow(expect.objectContaining({ code: 'INVALID_ARGUMENT' }))
})

test('a leaf says nothing about who it is about without its opening', () => {
  const statement = attestationBytes(alice.identity)
  const leafWith = (opening: Uint8Array) => keyLogLeaf({ kind: 3, at: NOW, statement, opening })
  expect(leafWith(seedOf('one'))).not.toEqual(leafWith(seedOf('two')))
})

test('a new domain adds its key', () => {
  const data = {
    domain: 'a.example',
    publicKey: seedOf('key'),
    createdAtUnixMs: BigInt(NOW),
    opening: seedOf('opening'),
  }
  const statement = encodeStatement('operational-key', {
    domain: 'a.example',
    kid: 'domain',
    use: 'domain',
    publicKey: data.publicKey,
    notBefore: NOW,
    notAfter: 0,
  })
  const leaf = keyLogLeaf({ kind: 1, at: NOW, statement, opening: data.opening })
  expect(leavesOf({ type: 'DomainCreated', data })).toEqual([{ kind: 1, at: NOW, leaf }])
})

test('a certified key is added at the time from which it holds', () => {
  const record = {
    domain: 'a.example',
    kid: 'deliver-1',
    use: 'deliver',
    publicKey: seedOf('key'),
    notBefore: NOW,
    notAfter: NOW + 1,
  }
  const data = {
    ...record,
    notBeforeUnixMs: BigInt(NOW),
    notAfterUnixMs: BigInt(NOW + 1),
    signature: new Uint8Array(64),
    holder: 'outbound-federation',
    opening: seedOf('opening'),
    caCertificate: '',
  }
  const statement = encodeStatement('operational-key', record)
  const leaf = keyLogLeaf({ kind: 2, at: NOW, statement, opening: data.opening })
  expect(leavesOf({ type: 'OperationalKeyCertified', data })).toEqual([{ kind: 2, at: NOW, leaf }])
})

const leafOf = (kind: 3 | 4, statement: Uint8Array, opening: Uint8Array) => ({
  kind,
  at: NOW,
  leaf: keyLogLeaf({ kind, at: NOW, statement, opening }),
})

test('a device list is added with the attestation that names it', () => {
  const { address, deviceList, identity } = alice
  const data = {
    address,
    deviceList,
    deviceListOpening: seedOf('one'),
    identity,
    identityOpening: seedOf('two'),
  }
  expect(leavesOf({ type: 'DeviceListPublished', data })).toEqual([
    leafOf(4, deviceListBytes(deviceList), seedOf('one')),
    leafOf(3, attestationBytes(identity), seedOf('two')),
  ])
})

test('other events of a domain leave its log alone', () => {
  const { address, identity } = alice
  const opening = seedOf('opening')
  expect(leavesOf({ type: 'UserRegistered', data: { address, identity, opening } })).toEqual([])
  const data = {
    domain: 'a.example',
    serial: 1n,
    validUntilUnixMs: 1n,
    document: new Uint8Array(0),
  }
  expect(leavesOf({ type: 'DomainDocumentPublished', data })).toEqual([])
})

test('an event that lacks what it announces is corrupt', () => {
  const data = {
    address: alice.address,
    deviceListOpening: seedOf('one'),
    identityOpening: seedOf('two'),
  }
  expect(() => leavesOf({ type: 'DeviceListPublished', data })).toThrow(
    expect.objectContaining({ code: 'CORRUPT_LOG' }),
  )
})
