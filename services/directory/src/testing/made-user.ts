import { encryptionKeyPair } from '@mailx/crypto/agreement'
import { randomBytes } from '@mailx/crypto/random'
import { signingKeyPair } from '@mailx/crypto/sign'
import type { MadeDomain } from '@mailx/federation/testing/made-domain'
import { signAttestation } from '@mailx/keys/attestation'
import { deviceListHash, makeDeviceList } from '@mailx/keys/device-list'
import { leafKinds, leavesOf } from '@mailx/keys/key-log-leaf'
import { formatCheckpoint } from '@mailx/merkle/checkpoint'
import { inclusionProof } from '@mailx/merkle/inclusion-proof'
import { signNote } from '@mailx/merkle/note'
import { leafHash, rootOf } from '@mailx/merkle/tree-hash'
import type { DeviceListPublished } from '@mailx/proto/identity/v1/events'
import type { KeyBundle } from '@mailx/proto/keys/v1/keys'

const DAY_MS = 24 * 60 * 60 * 1000

export type MadeUser = {
  readonly address: string
  readonly event: { readonly type: 'DeviceListPublished'; readonly data: DeviceListPublished }
  /** Leaf hashes: identity, device list. */
  readonly leaves: readonly [Uint8Array, Uint8Array]
}

/** A user as identity records one, with the first device list. */
export function makeUser(domain: MadeDomain, username: string, now = Date.now()): MadeUser {
  const address = `${username}@${domain.domain}`
  const user = signingKeyPair(randomBytes(32))
  const deviceList = makeDeviceList({
    address,
    devices: [
      {
        id: randomBytes(16),
        name: 'laptop',
        signingKey: signingKeyPair(randomBytes(32)).publicKey,
        encryptionKey: encryptionKeyPair(randomBytes(32)).publicKey,
        addedAtUnixMs: BigInt(now),
        mailbox: false,
      },
    ],
    userSecretKey: user.secretKey,
  })
  const identity = signAttestation(
    {
      username,
      domain: domain.domain,
      publicKey: user.publicKey,
      createdAtUnixMs: BigInt(now),
      expiresAtUnixMs: BigInt(now + 30 * DAY_MS),
      status: 'active',
      deviceListVersion: deviceList.version,
      deviceListHash: deviceListHash(deviceList),
    },
    domain.keys.attest,
  )
  const data: DeviceListPublished = {
    address,
    deviceList,
    deviceListOpening: randomBytes(32),
    identity,
    identityOpening: randomBytes(32),
  }
  const event = { type: 'DeviceListPublished', data } as const
  const hashOf = (kind: number) => {
    const found = leavesOf(event).find((leaf) => leaf.kind === kind)
    if (found === undefined) throw new Error('a user without leaves')
    return leafHash(found.leaf)
  }
  return { address, event, leaves: [hashOf(leafKinds.userIdentity), hashOf(leafKinds.deviceList)] }
}

/** The signed head of a key log with these leaves. */
export function checkpointOf(domain: MadeDomain, leaves: readonly Uint8Array[]): string {
  const name = `${domain.domain}/mailx-kt/1`
  const text = formatCheckpoint({ origin: name, size: leaves.length, root: rootOf(leaves) })
  return signNote(text, { name, ...domain.keys.log })
}

/** What the user's own domain answers to a look-up, with a log of exactly these users. */
export function bundleOf(
  domain: MadeDomain,
  user: MadeUser,
  all: readonly MadeUser[] = [user],
): KeyBundle {
  const leaves = all.flatMap((one) => one.leaves)
  const { deviceList, deviceListOpening, identity, identityOpening } = user.event.data
  const proofOf = (leaf: Uint8Array, opening: Uint8Array) => {
    const index = leaves.indexOf(leaf)
    const leafAtUnixMs = identity?.createdAtUnixMs ?? 0n
    return { opening, leafAtUnixMs, index: BigInt(index), path: inclusionProof(leaves, index) }
  }
  return {
    domainDocument: domain.documentBytes,
    identity,
    deviceList,
    checkpoint: checkpointOf(domain, leaves),
    identityProof: proofOf(user.leaves[0], identityOpening),
    deviceListProof: proofOf(user.leaves[1], deviceListOpening),
  }
}
