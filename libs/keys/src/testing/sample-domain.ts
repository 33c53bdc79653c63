/* A whole domain out of thin air, the same every time: what tests of keys and envelopes stand on. */
import { encryptionKeyPair } from '@mailx/crypto/agreement'
import { toBase64, utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { type SigningKeyPair, signingKeyPair } from '@mailx/crypto/sign'
import { formatCheckpoint } from '@mailx/merkle/checkpoint'
import { inclusionProof } from '@mailx/merkle/inclusion-proof'
import { signNote } from '@mailx/merkle/note'
import { leafHash, rootOf } from '@mailx/merkle/tree-hash'
import type { Device, DeviceList, KeyBundle, UserIdentity } from '@mailx/proto/keys/v1/keys'
import { signStatement } from '@mailx/statement/statement'
import { signAttestation } from '../attestation.ts'
import { deviceListHash, makeDeviceList } from '../device-list.ts'
import { type DomainDocument, documentKey, type KeyUse, signDocument } from '../domain-document.ts'
import { leavesOf } from '../key-log-leaf.ts'
import { keyLogOrigin } from '../key-log-origin.ts'
import { formatTime } from '../unix-ms.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export type SampleDevice = {
  readonly device: Device
  readonly signing: SigningKeyPair
  readonly encryption: SigningKeyPair
}

export type SampleUser = {
  readonly address: string
  readonly userKey: SigningKeyPair
  readonly devices: readonly SampleDevice[]
  readonly deviceList: DeviceList
  readonly identity: UserIdentity
}

export type SampleDomain = {
  readonly domain: string
  readonly domainKey: SigningKeyPair
  readonly operational: Readonly<Record<KeyUse, SigningKeyPair>>
  readonly document: DomainDocument
  readonly users: readonly SampleUser[]
  readonly checkpoint: string
  bundleOf(user: SampleUser): KeyBundle
}

/** 32 bytes that depend on the label alone. */
export const seedOf = (label: string): Uint8Array => blake2b(utf8(label), { length: 32 })

export function sampleDomain(domain: string, locals: readonly string[], now: number): SampleDomain {
  const domainKey = signingKeyPair(seedOf(`${domain}/domain`))
  const operational = {
    attest: signingKeyPair(seedOf(`${domain}/attest`)),
    deliver: signingKeyPair(seedOf(`${domain}/deliver`)),
    tls: signingKeyPair(seedOf(`${domain}/tls`)),
    log: signingKeyPair(seedOf(`${domain}/log`)),
  }
  const document = signDocument(
    composeDocument({ domain, domainKey, operational, now }),
    domainKey.secretKey,
  )
  const users = locals.map((local) => sampleUser(local, domain, operational.attest, now))
  const leaves = users.flatMap((user) => leavesOf(publication(user)))
  const leafHashes = leaves.map(({ leaf }) => leafHash(leaf))
  const origin = keyLogOrigin(domain)
  const text = formatCheckpoint({
    origin,
    size: leafHashes.length,
    root: rootOf(leafHashes),
    extensions: [],
  })
  const checkpoint = signNote(text, { name: origin, ...operational.log })
  return {
    domain,
    domainKey,
    operational,
    document,
    users,
    checkpoint,
    bundleOf: (user) => {
      const first = 2 * users.indexOf(user)
      const { deviceListOpening, identityOpening } = publication(user).data
      const proofOf = (index: number, opening: Uint8Array) => ({
        opening,
        leafAtUnixMs: user.identity.createdAtUnixMs,
        index: BigInt(index),
        path: inclusionProof(leafHashes, index),
      })
      return {
        domainDocument: utf8(JSON.stringify(document)),
        identity: user.identity,
        deviceList: user.deviceList,
        checkpoint,
        deviceListProof: proofOf(first, deviceListOpening),
        identityProof: proofOf(first + 1, identityOpening),
      }
    },
  }
}

const publication = (user: SampleUser) => ({
  type: 'DeviceListPublished' as const,
  data: {
    address: user.address,
    deviceList: user.deviceList,
    deviceListOpening: seedOf(`${user.address}/device-list-opening`),
    identity: user.identity,
    identityOpening: seedOf(`${user.address}/identity-opening`),
  },
})

function sampleUser(
  local: string,
  domain: string,
  attest: SigningKeyPair,
  now: number,
): SampleUser {
  const address = `${local}@${domain}`
  const userKey = signingKeyPair(seedOf(`${address}/user`))
  const devices = [
    sampleDevice(address, 'laptop', now),
    sampleDevice(address, 'phone', now),
    sampleDevice(address, 'mailbox', now),
  ]
  const deviceList = makeDeviceList({
    address,
    devices: devices.map(({ device }) => device),
    userSecretKey: userKey.secretKey,
  })
  const identity = signAttestation(
    {
      username: local,
      domain,
      publicKey: userKey.publicKey,
      createdAtUnixMs: BigInt(now),
      expiresAtUnixMs: BigInt(now + 365 * DAY_MS),
      status: 'active',
      deviceListVersion: deviceList.version,
      deviceListHash: deviceListHash(deviceList),
    },
    { kid: 'attest-1', secretKey: attest.secretKey },
  )
  return { address, userKey, devices, deviceList, identity }
}

export function sampleDevice(address: string, name: string, now: number): SampleDevice {
  const signing = signingKeyPair(seedOf(`${address}/${name}/signing`))
  const encryption = encryptionKeyPair(seedOf(`${address}/${name}/encryption`))
  const device = {
    id: seedOf(`${address}/${name}/id`).subarray(0, 16),
    name,
    signingKey: signing.publicKey,
    encryptionKey: encryption.publicKey,
    addedAtUnixMs: BigInt(now),
    mailbox: name === 'mailbox',
  }
  return { device, signing, encryption }
}

function composeDocument(from: {
  readonly domain: string
  readonly domainKey: SigningKeyPair
  readonly operational: Readonly<Record<KeyUse, SigningKeyPair>>
  readonly now: number
}): Omit<DomainDocument, 'signature'> {
  const { domain, domainKey, operational, now } = from
  const keys = (['attest', 'deliver', 'tls', 'log'] as const).map((use) => {
    const key = {
      kid: `${use}-1`,
      use,
      publicKey: operational[use].publicKey,
      notBefore: now - DAY_MS,
      notAfter: now + 89 * DAY_MS,
    }
    const signature = signStatement('operational-key', { domain, ...key }, domainKey.secretKey)
    return documentKey({ ...key, signature })
  })
  return {
    version: '1.0',
    domain,
    publicKey: toBase64(domainKey.publicKey),
    endpoints: {
      grpc: `mailx.${domain}:8443`,
      http: `https://mailx.${domain}:8080`,
      client: `mailx.${domain}:8444`,
    },
    created: formatTime(now - DAY_MS),
    expiresAt: null,
    serial: 1,
    validUntil: formatTime(now + 6 * DAY_MS),
    keys,
    policy: {
      maxMessageBytes: 26_214_400,
      maxInlineBytes: 1_048_576,
      maxRecipients: 100,
      maxDevices: 16,
      retentionDays: 365,
      registration: 'open',
      contactMode: 'open',
    },
    protocols: { min: 1, max: 1 },
    log: {
      origin: keyLogOrigin(domain),
      publicKey: toBase64(operational.log.publicKey),
      url: `https://mailx.${domain}:8080/log`,
    },
    caCertificate: '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n',
  }
}
