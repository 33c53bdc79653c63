import { concat, uint64be } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { MailxError } from '@mailx/errors/mailx-error'
import type {
  DeviceListPublished,
  DomainCreated,
  DomainDocumentPublished,
  OperationalKeyCertified,
  UserRegistered,
} from '@mailx/proto/identity/v1/events'
import { encodeStatement } from '@mailx/statement/statement'
import { attestationBytes } from './attestation.ts'
import { deviceListBytes } from './device-list.ts'
import { unixMs } from './unix-ms.ts'

/** What a leaf of the key log is about. Never change a number. */
export const leafKinds = {
  domainKey: 1,
  operationalKey: 2,
  userIdentity: 3,
  deviceList: 4,
} as const

export type LeafKind = (typeof leafKinds)[keyof typeof leafKinds]

export type KeyLogLeaf = {
  readonly kind: LeafKind
  readonly at: number
  /** What is hashed into the log. */
  readonly leaf: Uint8Array
}

/** An event of the context `identity`. Others than these leave the log alone. */
export type KeyLogEvent =
  | { readonly type: 'DomainCreated'; readonly data: DomainCreated }
  | { readonly type: 'OperationalKeyCertified'; readonly data: OperationalKeyCertified }
  | { readonly type: 'DomainDocumentPublished'; readonly data: DomainDocumentPublished }
  | { readonly type: 'UserRegistered'; readonly data: UserRegistered }
  | { readonly type: 'DeviceListPublished'; readonly data: DeviceListPublished }

/**
 * One leaf, 42 bytes whatever it is about: 0x01 | kind | at (8 bytes, big-endian) | commitment, where
 * the commitment is the BLAKE2b-256 of the statement's bytes keyed by the opening. A log of leaves
 * names nobody; who holds statement and opening can prove that the statement is in it.
 */
export function keyLogLeaf(entry: {
  readonly kind: LeafKind
  readonly at: number
  readonly statement: Uint8Array
  readonly opening: Uint8Array
}): Uint8Array {
  if (entry.opening.length !== 32) {
    throw new MailxError('INVALID_ARGUMENT', "the opening of a leaf's commitment is not 32 bytes")
  }
  const commitment = blake2b(entry.statement, { length: 32, key: entry.opening })
  return concat(Uint8Array.of(0x01, entry.kind), uint64be(entry.at), commitment)
}

/**
 * The leaves that an event adds to its domain's key log, in order. UserRegistered adds none: the
 * DeviceListPublished that is appended with it carries the same identity.
 */
export function leavesOf(event: KeyLogEvent): KeyLogLeaf[] {
  switch (event.type) {
    case 'DomainCreated':
      return [domainKeyLeaf(event.data)]
    case 'OperationalKeyCertified':
      return [operationalKeyLeaf(event.data)]
    case 'DeviceListPublished':
      return deviceListLeaves(event.data)
    case 'UserRegistered':
    case 'DomainDocumentPublished':
      return []
  }
}

function domainKeyLeaf(data: DomainCreated): KeyLogLeaf {
  const at = unixMs(data.createdAtUnixMs, "the domain's creation")
  const statement = encodeStatement('operational-key', {
    domain: data.domain,
    kid: 'domain',
    use: 'domain',
    publicKey: data.publicKey,
    notBefore: at,
    notAfter: 0,
  })
  return leafOf(leafKinds.domainKey, at, statement, data.opening)
}

function operationalKeyLeaf(data: OperationalKeyCertified): KeyLogLeaf {
  const at = unixMs(data.notBeforeUnixMs, "the key's notBefore")
  const statement = encodeStatement('operational-key', {
    domain: data.domain,
    kid: data.kid,
    use: data.use,
    publicKey: data.publicKey,
    notBefore: at,
    notAfter: unixMs(data.notAfterUnixMs, "the key's notAfter"),
  })
  return leafOf(leafKinds.operationalKey, at, statement, data.opening)
}

function deviceListLeaves(data: DeviceListPublished): KeyLogLeaf[] {
  const { deviceList, identity } = data
  if (deviceList === undefined || identity === undefined) {
    throw new MailxError('CORRUPT_LOG', 'DeviceListPublished without its list or identity')
  }
  const at = unixMs(identity.createdAtUnixMs, "the attestation's creation")
  return [
    leafOf(leafKinds.deviceList, at, deviceListBytes(deviceList), data.deviceListOpening),
    leafOf(leafKinds.userIdentity, at, attestationBytes(identity), data.identityOpening),
  ]
}

const leafOf = (kind: LeafKind, at: number, statement: Uint8Array, opening: Uint8Array) => ({
  kind,
  at,
  leaf: keyLogLeaf({ kind, at, statement, opening }),
})
