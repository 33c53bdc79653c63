import type { UserIdentity } from '@mailx/proto/keys/v1/keys'
import { expect, test } from 'vitest'
import { signAttestation, verifyAttestation } from './attestation.ts'
import { sampleDomain } from './testing/sample-domain.ts'

const NOW = Date.UTC(2026, 0, 10)
const DAY_MS = 86_400_000
const home = sampleDomain('a.example', ['alice', 'bob'], NOW)
const abroad = sampleDomain('b.example', ['alice'], NOW)
const [alice, bob] = home.users
if (!alice || !bob) throw new Error('the sample has two users')

const refusedWith = (code: string) => expect.objectContaining({ name: 'MailxError', code })
const attestKey = { kid: 'attest-1', secretKey: home.operational.attest.secretKey }
const attested = (change: Partial<UserIdentity>, key = attestKey) =>
  signAttestation({ ...alice.identity, ...change }, key)

test('the attestation of a registered user holds', () => {
  expect(() => verifyAttestation(alice.identity, home.document, NOW)).not.toThrow()
})

test('no field can be changed without the attest key', () => {
  const changes: Partial<UserIdentity>[] = [
    { username: 'alicia' },
    { publicKey: bob.userKey.publicKey },
    { createdAtUnixMs: alice.identity.createdAtUnixMs - 1n },
    { expiresAtUnixMs: alice.identity.expiresAtUnixMs + 1n },
    { status: 'revoked' },
    { deviceListVersion: 2 },
    { deviceListHash: new Uint8Array(32) },
    { serverSignature: bob.identity.serverSignature },
    { serverSignature: alice.identity.serverSignature.subarray(0, 63) },
  ]
  for (const change of changes) {
    const identity = { ...alice.identity, ...change }
    expect(() => verifyAttestation(identity, home.document, NOW)).toThrow(
      refusedWith('BAD_SIGNATURE'),
    )
  }
})

test('only a key for attestations attests', () => {
  for (const use of ['deliver', 'tls', 'log'] as const) {
    const { secretKey } = home.operational[use]
    const named = attested({}, { kid: `${use}-1`, secretKey })
    const borrowed = attested({}, { kid: 'attest-1', secretKey })
    expect(() => verifyAttestation(named, home.document, NOW)).toThrow(refusedWith('BAD_SIGNATURE'))
    expect(() => verifyAttestation(borrowed, home.document, NOW)).toThrow(
      refusedWith('BAD_SIGNATURE'),
    )
  }
  const byDomainKey = attested({}, { kid: 'domain', secretKey: home.domainKey.secretKey })
  expect(() => verifyAttestation(byDomainKey, home.document, NOW)).toThrow(
    refusedWith('BAD_SIGNATURE'),
  )
})

test('a domain attests its own users only', () => {
  const stranger = attested({ domain: 'b.example' })
  expect(() => verifyAttestation(stranger, home.document, NOW)).toThrow(
    refusedWith('BAD_SIGNATURE'),
  )
  expect(() => verifyAttestation(alice.identity, abroad.document, NOW)).toThrow(
    refusedWith('BAD_SIGNATURE'),
  )
})

test('an attestation outlives its key as long as the document lists the key', () => {
  const later = NOW + 200 * DAY_MS
  expect(() => verifyAttestation(alice.identity, home.document, later)).not.toThrow()
  const late = attested({ createdAtUnixMs: BigInt(NOW + 100 * DAY_MS) })
  expect(() => verifyAttestation(late, home.document, later)).toThrow(refusedWith('BAD_SIGNATURE'))
})

test('an attestation ends', () => {
  const end = NOW + 365 * DAY_MS
  expect(() => verifyAttestation(alice.identity, home.document, end - 1)).not.toThrow()
  expect(() => verifyAttestation(alice.identity, home.document, end)).toThrow(
    refusedWith('EXPIRED'),
  )
  const ahead = attested({ createdAtUnixMs: BigInt(NOW + DAY_MS) })
  expect(() => verifyAttestation(ahead, home.document, NOW)).toThrow(refusedWith('FROM_THE_FUTURE'))
})

test('a revoked or unusable user key is refused although the domain attests it', () => {
  const revoked = attested({ status: 'revoked' })
  expect(() => verifyAttestation(revoked, home.document, NOW)).toThrow(refusedWith('BAD_KEY'))
  const weak = attested({ publicKey: new Uint8Array(32) })
  expect(() => verifyAttestation(weak, home.document, NOW)).toThrow(refusedWith('BAD_KEY'))
})
