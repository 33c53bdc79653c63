import { parseAddress } from '@mailx/address/address'
import { equal, toHex } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Decider } from '@mailx/events/decider'
import type { UserEvent } from '@mailx/events/identity'
import type { UnsignedIdentity } from '@mailx/keys/attestation'
import { checkSigningKey } from '@mailx/keys/check-key'
import { deviceListHash, verifyDeviceList } from '@mailx/keys/device-list'
import { CLOCK_SKEW_MS } from '@mailx/keys/unix-ms'
import type { Device, DeviceList, UserIdentity } from '@mailx/proto/keys/v1/keys'
import { verifyStatement } from '@mailx/statement/statement'

const DAY_MS = 24 * 60 * 60 * 1000

export const ATTESTATION_LIFETIME_MS = 365 * DAY_MS
/** An attestation with less than this left is renewed without the user's doing. */
export const ATTESTATION_RENEWAL_MS = 60 * DAY_MS

export type ListedDevice = Device & { readonly status: 'active' | 'revoked' }

export type RegisteredUser = {
  readonly status: 'registered'
  readonly identity: UserIdentity
  readonly deviceList: DeviceList
  /** Every device that was ever listed, by its id in hex. */
  readonly devices: ReadonlyMap<string, ListedDevice>
}

export type User = { readonly status: 'unknown' } | RegisteredUser

/** Signs with the domain's `attest` key. */
export type Attest = (identity: UnsignedIdentity) => UserIdentity

/** 32 random bytes each: the keys of the commitments in the key log. */
export type Openings = { readonly identity: Uint8Array; readonly deviceList: Uint8Array }

type Attesting = { readonly attest: Attest; readonly openings: Openings; readonly at: number }

export type UserCommand =
  | (Attesting & {
      readonly type: 'RegisterUser'
      readonly address: string
      readonly publicKey: Uint8Array
      readonly provedAt: number
      readonly possession: Uint8Array
      readonly deviceList: DeviceList
    })
  | (Attesting & { readonly type: 'PublishDeviceList'; readonly deviceList: DeviceList })
  | (Attesting & { readonly type: 'RenewAttestation' })

function decide(command: UserCommand, user: User): UserEvent[] {
  switch (command.type) {
    case 'RegisterUser': {
      const { address, deviceList, publicKey } = command
      checkRegistration(command)
      if (user.status === 'registered') {
        if (isSameRegistration(user, command)) return []
        throw new MailxError('ALREADY_EXISTS', 'this address is taken; choose another one')
      }
      const { local, domain } = parseAddress(address)
      const identity = command.attest(unsignedIdentity(local, domain, publicKey, command))
      const opening = command.openings.identity
      return [
        { type: 'UserRegistered', data: { address, identity, opening } },
        published(deviceList, identity, command.openings),
      ]
    }

    case 'PublishDeviceList': {
      const { deviceList } = command
      const { deviceList: previous, identity, devices } = requireRegistered(user)
      // The same list once more: the answer to the first attempt was lost.
      if (isSameList(deviceList, previous)) return []
      verifyDeviceList(deviceList, identity.publicKey, previous)
      checkDevices(deviceList, identity.publicKey, devices)
      return [published(deviceList, attested(identity, command), command.openings)]
    }

    case 'RenewAttestation': {
      const { deviceList, identity } = requireRegistered(user)
      if (!isDueForAttestation(identity, command.at)) return []
      const renewed = attested(identity, { ...command, deviceList })
      return [published(deviceList, renewed, command.openings)]
    }
  }
}

type Registration = Extract<UserCommand, { type: 'RegisterUser' }>

function checkRegistration(command: Registration): void {
  const { address, at, deviceList, possession, provedAt, publicKey } = command
  if (parseAddress(address).canonical !== address) {
    throw new MailxError('INVALID_ADDRESS', 'register the plain address: lower case, without a tag')
  }
  checkSigningKey(publicKey, 'the user key')
  if (provedAt > at + CLOCK_SKEW_MS) {
    throw new MailxError('FROM_THE_FUTURE', 'the proof of possession is dated ahead: set the clock')
  }
  if (provedAt < at - CLOCK_SKEW_MS) {
    throw new MailxError('EXPIRED', 'the proof of possession is over five minutes old: sign anew')
  }
  if (deviceList.address !== address || deviceList.version !== 1) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      'register with version 1 of this address’s device list',
    )
  }
  verifyDeviceList(deviceList, publicKey)
  checkDevices(deviceList, publicKey, new Map())
  const record = { address, publicKey, deviceListHash: deviceListHash(deviceList), at: provedAt }
  if (!verifyStatement('possession', record, possession, publicKey)) {
    throw new MailxError('BAD_SIGNATURE', 'the proof of possession is not signed by the user key')
  }
}

/** One key, one purpose, one device; and what was revoked stays so. */
function checkDevices(
  list: DeviceList,
  userKey: Uint8Array,
  known: ReadonlyMap<string, ListedDevice>,
): void {
  for (const device of list.devices) {
    if (equal(device.signingKey, userKey)) {
      throw new MailxError('BAD_KEY', 'a device may not sign with the user key; make a key for it')
    }
    const earlier = known.get(toHex(device.id))
    if (earlier === undefined) continue
    if (earlier.status === 'revoked') {
      throw new MailxError('DEVICE_REVOKED', 'a revoked device cannot return; give it a new id')
    }
    if (!sameKeys(earlier, device)) {
      throw new MailxError('BAD_KEY', 'a device keeps its keys; list new keys under a new id')
    }
  }
  const revoked = [...known.values()].filter(({ status }) => status === 'revoked')
  for (const device of list.devices) {
    if (revoked.some((old) => sharesKey(old, device))) {
      throw new MailxError(
        'DEVICE_REVOKED',
        'a key of a revoked device cannot return; make new keys',
      )
    }
  }
}

const sameKeys = (a: Device, b: Device): boolean =>
  equal(a.signingKey, b.signingKey) && equal(a.encryptionKey, b.encryptionKey)

const sharesKey = (a: Device, b: Device): boolean =>
  equal(a.signingKey, b.signingKey) || equal(a.encryptionKey, b.encryptionKey)

const isSameList = (a: DeviceList, b: DeviceList): boolean =>
  a.address === b.address &&
  a.version === b.version &&
  equal(deviceListHash(a), deviceListHash(b)) &&
  equal(a.userSignature, b.userSignature)

/** True also when newer lists followed: the answer then names them. */
const isSameRegistration = (user: RegisteredUser, command: Registration): boolean =>
  equal(user.identity.publicKey, command.publicKey) &&
  command.deviceList.devices.every((device) => {
    const known = user.devices.get(toHex(device.id))
    return known !== undefined && sameKeys(known, device)
  })

export const isDueForAttestation = (identity: UserIdentity, now: number): boolean =>
  Number(identity.expiresAtUnixMs) - now < ATTESTATION_RENEWAL_MS

const attested = (
  identity: UserIdentity,
  command: Attesting & { readonly deviceList: DeviceList },
): UserIdentity =>
  command.attest(unsignedIdentity(identity.username, identity.domain, identity.publicKey, command))

const unsignedIdentity = (
  username: string,
  domain: string,
  publicKey: Uint8Array,
  { at, deviceList }: { readonly at: number; readonly deviceList: DeviceList },
): UnsignedIdentity => ({
  username,
  domain,
  publicKey,
  createdAtUnixMs: BigInt(at),
  expiresAtUnixMs: BigInt(at + ATTESTATION_LIFETIME_MS),
  status: 'active',
  deviceListVersion: deviceList.version,
  deviceListHash: deviceListHash(deviceList),
})

const published = (
  deviceList: DeviceList,
  identity: UserIdentity,
  openings: Openings,
): UserEvent => ({
  type: 'DeviceListPublished',
  data: {
    address: deviceList.address,
    deviceList,
    deviceListOpening: openings.deviceList,
    identity,
    identityOpening: openings.identity,
  },
})

function evolve(user: User, event: UserEvent): User {
  switch (event.type) {
    case 'UserRegistered':
      // The device list beside it makes the user.
      return user
    case 'DeviceListPublished': {
      const { deviceList, identity } = event.data
      if (deviceList === undefined || identity === undefined) return user
      const devices = new Map<string, ListedDevice>()
      if (user.status === 'registered') {
        for (const [id, device] of user.devices) devices.set(id, { ...device, status: 'revoked' })
      }
      for (const device of deviceList.devices) {
        devices.set(toHex(device.id), { ...device, status: 'active' })
      }
      return { status: 'registered', identity, deviceList, devices }
    }
  }
  return user
}

function requireRegistered(user: User): RegisteredUser {
  if (user.status === 'registered') return user
  throw new MailxError('NOT_FOUND', 'no such user; register the address first')
}

export const user: Decider<User, UserCommand, UserEvent> = {
  initialState: { status: 'unknown' },
  decide,
  evolve,
}
