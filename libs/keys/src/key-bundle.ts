import { parseAddress } from '@mailx/address/address'
import { equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { verifyInclusion } from '@mailx/merkle/inclusion-proof'
import { leafHash } from '@mailx/merkle/tree-hash'
import type { DeviceList, KeyBundle, LogProof, UserIdentity } from '@mailx/proto/keys/v1/keys'
import { attestationBytes, verifyAttestation } from './attestation.ts'
import { deviceListBytes, deviceListHash, verifyDeviceList } from './device-list.ts'
import { type DomainDocument, openDocument } from './domain-document.ts'
import { keyLogLeaf, type LeafKind, leafKinds } from './key-log-leaf.ts'
import { openCheckpoint } from './open-checkpoint.ts'
import { unixMs } from './unix-ms.ts'

export type VerifiedDevice = {
  readonly id: Uint8Array
  readonly name: string
  readonly signingKey: Uint8Array
  readonly encryptionKey: Uint8Array
  readonly addedAt: number
  readonly mailbox: boolean
}

export type TreePosition = { readonly size: number; readonly root: Uint8Array }

/** Keys that a domain vouches for and shows in its log. Made by verifyKeyBundle alone. */
export type VerifiedKeys = {
  readonly address: string
  readonly userKey: Uint8Array
  readonly devices: readonly VerifiedDevice[]
  readonly deviceListVersion: number
  readonly document: DomainDocument
  readonly checkpoint: TreePosition
}

export type BundleExpectation = {
  readonly address: string
  readonly now: number
  /** The domain key, where the caller knows it. Without it the document's own key is taken. */
  readonly domainPublicKey?: Uint8Array
  /** The newest checkpoint that the caller has seen of this domain. */
  readonly lastCheckpoint?: TreePosition
}

/**
 * Checks all that a bundle claims, in this order: the address, the domain document, the attestation,
 * the device list and that it is the attested one, the checkpoint's signature by a `log` key, both
 * inclusion proofs. Nothing is returned before all hold.
 *
 * With `lastCheckpoint`, a log of the same size must have the same root. Between logs of different
 * sizes only a consistency proof can tell, which the caller has to ask for: compare the sizes.
 *
 * Throws INVALID_ADDRESS, BAD_DOMAIN_DOCUMENT, BAD_SIGNATURE, BAD_KEY, EXPIRED, FROM_THE_FUTURE,
 * INVALID_ARGUMENT, BAD_NOTE or BAD_PROOF.
 */
export function verifyKeyBundle(bundle: KeyBundle, expected: BundleExpectation): VerifiedKeys {
  const { identity, deviceList, identityProof, deviceListProof } = bundle
  if (!identity || !deviceList || !identityProof || !deviceListProof) {
    throw new MailxError('BAD_PROOF', 'the key bundle is incomplete')
  }
  const { canonical: address, domain } = parseAddress(expected.address)
  checkSubject(identity, deviceList, address)
  const document = openDocument(bundle.domainDocument, {
    domain,
    now: expected.now,
    ...(expected.domainPublicKey && { publicKey: expected.domainPublicKey }),
  })
  verifyAttestation(identity, document, expected.now)
  verifyDeviceList(deviceList, identity.publicKey)
  checkAttested(identity, deviceList)
  const checkpoint = openCheckpoint(bundle.checkpoint, document, expected.now)
  checkSameLog(checkpoint, expected.lastCheckpoint)
  const inLog = { checkpoint, identity }
  checkInclusion(inLog, leafKinds.userIdentity, attestationBytes(identity), identityProof)
  checkInclusion(inLog, leafKinds.deviceList, deviceListBytes(deviceList), deviceListProof)
  return {
    address,
    userKey: identity.publicKey,
    devices: deviceList.devices.map(({ addedAtUnixMs, ...device }) => ({
      ...device,
      addedAt: unixMs(addedAtUnixMs, 'the time a device was added'),
    })),
    deviceListVersion: deviceList.version,
    document,
    checkpoint,
  }
}

function checkSubject(identity: UserIdentity, deviceList: DeviceList, address: string): void {
  if (`${identity.username}@${identity.domain}` !== address) {
    throw new MailxError('BAD_PROOF', `the key bundle is about another user than ${address}`)
  }
  if (deviceList.address !== address) {
    throw new MailxError('BAD_PROOF', `the device list is another user's than ${address}`)
  }
}

function checkAttested(identity: UserIdentity, deviceList: DeviceList): void {
  const same =
    identity.deviceListVersion === deviceList.version &&
    equal(identity.deviceListHash, deviceListHash(deviceList))
  if (!same) {
    throw new MailxError('BAD_SIGNATURE', 'the domain attests another device list than this one')
  }
}

function checkSameLog(checkpoint: TreePosition, last: TreePosition | undefined): void {
  if (last?.size === checkpoint.size && !equal(last.root, checkpoint.root)) {
    throw new MailxError('BAD_PROOF', 'the key log shows two faces: one size, two roots')
  }
}

function checkInclusion(
  inLog: { readonly checkpoint: TreePosition; readonly identity: UserIdentity },
  kind: LeafKind,
  statement: Uint8Array,
  proof: LogProof,
): void {
  if (proof.leafAtUnixMs !== inLog.identity.createdAtUnixMs) {
    throw new MailxError('BAD_PROOF', 'the leaf is of another time than the attestation')
  }
  const at = unixMs(proof.leafAtUnixMs, "the leaf's time")
  const leaf = keyLogLeaf({ kind, at, statement, opening: proof.opening })
  const included =
    proof.index < BigInt(inLog.checkpoint.size) &&
    verifyInclusion({
      leafHash: leafHash(leaf),
      index: Number(proof.index),
      size: inLog.checkpoint.size,
      root: inLog.checkpoint.root,
      proof: proof.path,
    })
  if (!included) {
    const what = kind === leafKinds.deviceList ? 'device list' : 'identity'
    throw new MailxError('BAD_PROOF', `the ${what} is not proved to be in the key log`)
  }
}
