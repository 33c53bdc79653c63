import { utf8 } from '@mailx/crypto/encoding'
import { formatCheckpoint } from '@mailx/merkle/checkpoint'
import { signNote } from '@mailx/merkle/note'
import type { KeyBundle, LogProof } from '@mailx/proto/keys/v1/keys'
import { expect, test } from 'vitest'
import { signAttestation } from './attestation.ts'
import { makeDeviceList } from './device-list.ts'
import { signDocument } from './domain-document.ts'
import { type BundleExpectation, verifyKeyBundle } from './key-bundle.ts'
import { keyLogOrigin } from './key-log-origin.ts'
import { sampleDevice, sampleDomain, seedOf } from './testing/sample-domain.ts'

const NOW = Date.UTC(2026, 0, 10)
const DAY_MS = 86_400_000
const home = sampleDomain('a.example', ['alice', 'bob', 'carol'], NOW)
const evil = sampleDomain('evil.example', ['alice'], NOW)
const [alice, bob] = home.users
if (!alice || !bob) throw new Error('the sample has users')
const bundle = home.bundleOf(alice)
const expected: BundleExpectation = {
  address: alice.address,
  now: NOW,
  domainPublicKey: home.domainKey.publicKey,
}

const refusedWith = (code: string) => expect.objectContaining({ name: 'MailxError', code })
const verify = (change: Partial<KeyBundle> = {}, other: Partial<BundleExpectation> = {}) =>
  verifyKeyBundle({ ...bundle, ...change }, { ...expected, ...other })
const origin = keyLogOrigin('a.example')
const root = (size: number) => ({ size, root: seedOf('root') })
const noteOf = (checkpoint: { size: number; root: Uint8Array }, name = origin, key = home) =>
  signNote(formatCheckpoint({ origin: name, ...checkpoint, extensions: [] }), {
    name,
    ...key.operational.log,
  })

test('every user of a domain is verified from the domain key down', () => {
  for (const user of home.users) {
    const keys = verifyKeyBundle(home.bundleOf(user), { ...expected, address: user.address })
    expect(keys).toMatchObject({
      address: user.address,
      userKey: user.userKey.publicKey,
      deviceListVersion: 1,
      checkpoint: { size: 6 },
    })
    expect(keys.document).toEqual(home.document)
    expect(keys.devices.map(({ id }) => id)).toEqual(user.devices.map(({ device }) => device.id))
    expect(keys.devices[0]).toMatchObject({ name: 'laptop', addedAt: NOW, mailbox: false })
  }
})

test('an address with a tag means the same user', () => {
  expect(verify({}, { address: 'Alice+news@A.example' }).address).toBe('alice@a.example')
})

test('a bundle that lacks a part proves nothing', () => {
  for (const part of ['identity', 'deviceList', 'identityProof', 'deviceListProof']) {
    expect(() => verify({ [part]: undefined })).toThrow(refusedWith('BAD_PROOF'))
  }
})

test('a bundle of somebody else is refused, in whole and in part', () => {
  const other = home.bundleOf(bob)
  expect(() => verify(other)).toThrow(refusedWith('BAD_PROOF'))
  expect(() => verify({ identity: other.identity })).toThrow(refusedWith('BAD_PROOF'))
  expect(() => verify({ deviceList: other.deviceList })).toThrow(refusedWith('BAD_PROOF'))
  expect(() => verify({}, { address: 'alice@b.example' })).toThrow(refusedWith('BAD_PROOF'))
})

test('another domain cannot answer for this one', () => {
  const foreign = evil.bundleOf(evil.users[0] ?? alice)
  expect(() => verify({ domainDocument: foreign.domainDocument })).toThrow(
    refusedWith('BAD_DOMAIN_DOCUMENT'),
  )
  const lookalike = sampleDomain('a.example', ['alice'], NOW)
  expect(() => verify({}, { domainPublicKey: evil.domainKey.publicKey })).toThrow(
    refusedWith('BAD_DOMAIN_DOCUMENT'),
  )
  expect(lookalike.domainKey.publicKey).toEqual(home.domainKey.publicKey)
})

test('an expired document or attestation is refused', () => {
  expect(() => verify({}, { now: NOW + 6 * DAY_MS })).toThrow(refusedWith('BAD_DOMAIN_DOCUMENT'))
  const short = { ...alice.identity, expiresAtUnixMs: BigInt(NOW) }
  const attest = { kid: 'attest-1', secretKey: home.operational.attest.secretKey }
  expect(() => verify({ identity: signAttestation(short, attest) })).toThrow(refusedWith('EXPIRED'))
})

test('an attestation by a stranger is refused', () => {
  const forged = signAttestation(alice.identity, {
    kid: 'attest-1',
    secretKey: evil.operational.attest.secretKey,
  })
  expect(() => verify({ identity: forged })).toThrow(refusedWith('BAD_SIGNATURE'))
})

test('a device list that the user did not sign, or the domain does not attest, is refused', () => {
  const devices = [sampleDevice(alice.address, 'wiretap', NOW).device]
  const request = { address: alice.address, devices }
  const byServer = makeDeviceList({ ...request, userSecretKey: home.domainKey.secretKey })
  expect(() => verify({ deviceList: byServer })).toThrow(refusedWith('BAD_SIGNATURE'))
  const byUser = makeDeviceList({ ...request, userSecretKey: alice.userKey.secretKey })
  expect(() => verify({ deviceList: byUser })).toThrow(refusedWith('BAD_SIGNATURE'))
})

test('a list that is attested but not in the log is refused', () => {
  const devices = [sampleDevice(alice.address, 'wiretap', NOW).device]
  const hidden = sampleDomain('a.example', ['alice'], NOW)
  const deviceList = makeDeviceList({
    address: alice.address,
    devices,
    userSecretKey: alice.userKey.secretKey,
  })
  expect(() =>
    verify({ deviceListProof: hidden.bundleOf(hidden.users[0] ?? alice).deviceListProof }),
  ).toThrow(refusedWith('BAD_PROOF'))
  expect(deviceList.version).toBe(1)
})

test.each<[string, (proof: LogProof) => Partial<LogProof>]>([
  ['another opening', () => ({ opening: seedOf('x') })],
  ['an opening of another length', () => ({ opening: new Uint8Array(31) })],
  ['another time', (proof) => ({ leafAtUnixMs: proof.leafAtUnixMs + 1n })],
  ['another index', (proof) => ({ index: proof.index + 1n })],
  ['an index beyond the tree', () => ({ index: 6n })],
  ['an index beyond 2^53', (proof) => ({ index: proof.index + 2n ** 60n })],
  ['a path with a node less', (proof) => ({ path: proof.path.slice(1) })],
  ['a path with a node more', (proof) => ({ path: [...proof.path, seedOf('x')] })],
  ['another path', (proof) => ({ path: proof.path.toReversed() })],
  ['a node of another length', (proof) => ({ path: [new Uint8Array(31), ...proof.path.slice(1)] })],
])('a proof with %s is refused', (_what, change) => {
  const codes = [refusedWith('BAD_PROOF'), refusedWith('INVALID_ARGUMENT')]
  for (const part of ['identityProof', 'deviceListProof'] as const) {
    const proof = bundle[part]
    if (proof === undefined) throw new Error('the sample has proofs')
    const changed = { [part]: { ...proof, ...change(proof) } }
    expect(() => verify(changed)).toThrow(
      expect.toSatisfy((error: unknown) => codes.some((code) => code.asymmetricMatch(error))),
    )
  }
})

test('the proofs of identity and device list cannot stand for each other', () => {
  const { identityProof, deviceListProof } = bundle
  expect(() => verify({ identityProof: deviceListProof, deviceListProof: identityProof })).toThrow(
    refusedWith('BAD_PROOF'),
  )
})

test('a checkpoint must be signed by a log key of the domain, under the log’s name', () => {
  const size6 = verify().checkpoint
  expect(() => verify({ checkpoint: noteOf(size6) })).not.toThrow()
  expect(() => verify({ checkpoint: '' })).toThrow(refusedWith('BAD_NOTE'))
  expect(() => verify({ checkpoint: noteOf(size6, origin, evil) })).toThrow(refusedWith('BAD_NOTE'))
  const elsewhere = noteOf(size6, keyLogOrigin('evil.example'))
  expect(() => verify({ checkpoint: elsewhere })).toThrow(refusedWith('BAD_NOTE'))
  const renamed = signNote(
    formatCheckpoint({ origin: keyLogOrigin('evil.example'), ...size6, extensions: [] }),
    { name: origin, ...home.operational.log },
  )
  expect(() => verify({ checkpoint: renamed })).toThrow(refusedWith('BAD_NOTE'))
  const tampered = bundle.checkpoint.replace('\n6\n', '\n7\n')
  expect(() => verify({ checkpoint: tampered })).toThrow(refusedWith('BAD_NOTE'))
})

test('another root, however well signed, is not led to', () => {
  expect(() => verify({ checkpoint: noteOf(root(6)) })).toThrow(refusedWith('BAD_PROOF'))
  expect(() => verify({ checkpoint: noteOf(root(0)) })).toThrow(refusedWith('BAD_PROOF'))
})

test('one size with two roots is a log with two faces', () => {
  expect(() => verify({}, { lastCheckpoint: root(6) })).toThrow('two faces')
  expect(() => verify({}, { lastCheckpoint: verify().checkpoint })).not.toThrow()
  expect(() => verify({}, { lastCheckpoint: root(5) })).not.toThrow()
})

test('a domain without a log proves nothing', () => {
  const { signature: _, ...unsigned } = home.document
  const document = signDocument({ ...unsigned, log: null }, home.domainKey.secretKey)
  expect(() => verify({ domainDocument: utf8(JSON.stringify(document)) })).toThrow(
    refusedWith('BAD_PROOF'),
  )
})
