import { MailxError } from '@mailx/errors/mailx-error'
import type { UserIdentity } from '@mailx/proto/keys/v1/keys'
import { encodeStatement, signStatement, verifyStatement } from '@mailx/statement/statement'
import { checkSigningKey } from './check-key.ts'
import { type DomainDocument, keyByKid } from './domain-document.ts'
import { CLOCK_SKEW_MS, unixMs } from './unix-ms.ts'

export type UnsignedIdentity = Omit<UserIdentity, 'serverSignature' | 'kid'>

/** The record of the statement `attestation`. */
export const attestationRecord = (identity: UnsignedIdentity) => ({
  username: identity.username,
  domain: identity.domain,
  publicKey: identity.publicKey,
  createdAt: unixMs(identity.createdAtUnixMs, "the attestation's creation"),
  expiresAt: unixMs(identity.expiresAtUnixMs, "the attestation's expiry"),
  status: identity.status,
  deviceListVersion: identity.deviceListVersion,
  deviceListHash: identity.deviceListHash,
})

/** The bytes that the `attest` key signs. */
export const attestationBytes = (identity: UnsignedIdentity): Uint8Array =>
  encodeStatement('attestation', attestationRecord(identity))

/** The identity with the domain's signature by the `attest` key of that name. */
export const signAttestation = (
  identity: UnsignedIdentity,
  attestKey: { readonly kid: string; readonly secretKey: Uint8Array },
): UserIdentity => ({
  ...identity,
  kid: attestKey.kid,
  serverSignature: signStatement('attestation', attestationRecord(identity), attestKey.secretKey),
})

/**
 * The domain of the (already opened) document attests this identity, and it holds at `now`.
 *
 * The signing key must be listed in the document and must have been valid when the attestation was
 * created, not necessarily now: a domain lists a retired `attest` key for as long as attestations by
 * it live, so that a user who changes nothing needs no new one every 90 days. That nobody dates a new
 * attestation back is the key log's to show.
 *
 * Throws BAD_SIGNATURE, EXPIRED, FROM_THE_FUTURE, or BAD_KEY where the user key is revoked or unusable.
 */
export function verifyAttestation(
  identity: UserIdentity,
  document: DomainDocument,
  now: number,
): void {
  const record = attestationRecord(identity)
  if (identity.domain !== document.domain) {
    throw new MailxError(
      'BAD_SIGNATURE',
      `an identity of ${identity.domain} cannot be attested by ${document.domain}`,
    )
  }
  const key = keyByKid(document, identity.kid, 'attest', record.createdAt)
  if (key === undefined) {
    throw new MailxError(
      'BAD_SIGNATURE',
      `${document.domain} lists no key "${identity.kid}" for attestations of that time`,
    )
  }
  if (!verifyStatement('attestation', record, identity.serverSignature, key.publicKey)) {
    throw new MailxError('BAD_SIGNATURE', 'the attestation is not signed by the domain')
  }
  checkSigningKey(identity.publicKey, 'the user key')
  if (identity.status !== 'active') {
    throw new MailxError('BAD_KEY', `the user key is ${identity.status}, ask for the new one`)
  }
  if (record.createdAt > now + CLOCK_SKEW_MS) {
    throw new MailxError('FROM_THE_FUTURE', 'the attestation is dated in the future')
  }
  if (record.expiresAt <= now) {
    throw new MailxError('EXPIRED', 'the attestation has expired, look the keys up again')
  }
}
