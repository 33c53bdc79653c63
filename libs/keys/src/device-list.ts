import { parseAddress } from '@mailx/address/address'
import { equal } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Device, DeviceList } from '@mailx/proto/keys/v1/keys'
import { encodeStatement, signStatement, verifyStatement } from '@mailx/statement/statement'
import { checkEncryptionKey, checkSigningKey } from './check-key.ts'
import { unixMs } from './unix-ms.ts'

export const MAX_DEVICES = 16
export const MAX_DEVICE_NAME_LENGTH = 64

/** What the first version of a list names as its predecessor. */
export const noPreviousHash = (): Uint8Array => new Uint8Array(32)

export type UnsignedDeviceList = Omit<DeviceList, 'userSignature'>

/** The record of the statement `device-list`. */
export const deviceListStatement = (list: UnsignedDeviceList) => ({
  address: list.address,
  version: list.version,
  previousHash: list.previousHash,
  devices: list.devices.map((device) => ({
    id: device.id,
    name: device.name,
    signingKey: device.signingKey,
    encryptionKey: device.encryptionKey,
    addedAt: unixMs(device.addedAtUnixMs, 'the time a device was added'),
    mailbox: device.mailbox ? 1 : 0,
  })),
})

/** The bytes that the user key signs. */
export const deviceListBytes = (list: UnsignedDeviceList): Uint8Array =>
  encodeStatement('device-list', deviceListStatement(list))

/** What attestations and the next version name: BLAKE2b-256 of the statement's bytes. */
export const deviceListHash = (list: UnsignedDeviceList): Uint8Array =>
  blake2b256(deviceListBytes(list))

export type NewDeviceList = {
  readonly address: string
  readonly devices: readonly Device[]
  readonly userSecretKey: Uint8Array
  /** The version that this one follows. Absent: this is version 1. */
  readonly previous?: DeviceList
}

/** Composes and signs the next version of a device list. Throws INVALID_ARGUMENT as verifyDeviceList. */
export function makeDeviceList(request: NewDeviceList): DeviceList {
  const { previous } = request
  const list = {
    address: request.address,
    version: (previous?.version ?? 0) + 1,
    previousHash: previous === undefined ? noPreviousHash() : deviceListHash(previous),
    devices: request.devices,
  }
  checkDeviceList(list)
  const userSignature = signStatement(
    'device-list',
    deviceListStatement(list),
    request.userSecretKey,
  )
  return { ...list, userSignature }
}

/**
 * The list is well formed, every key in it is usable, and the user key signed it; with `previous`, it
 * is the version that follows that one. Throws INVALID_ARGUMENT, BAD_KEY, BAD_SIGNATURE or CONFLICT.
 */
export function verifyDeviceList(
  list: DeviceList,
  userPublicKey: Uint8Array,
  previous?: DeviceList,
): void {
  checkDeviceList(list)
  const record = deviceListStatement(list)
  if (!verifyStatement('device-list', record, list.userSignature, userPublicKey)) {
    throw new MailxError('BAD_SIGNATURE', 'the device list is not signed by the user key')
  }
  if (previous === undefined) return
  if (list.address !== previous.address || list.version !== previous.version + 1) {
    throw new MailxError(
      'CONFLICT',
      `expected version ${previous.version + 1} of the device list, got ${list.version}`,
    )
  }
  if (!equal(list.previousHash, deviceListHash(previous))) {
    throw new MailxError('CONFLICT', 'the device list does not follow the one that is published')
  }
}

function checkDeviceList(list: UnsignedDeviceList): void {
  if (parseAddress(list.address).canonical !== list.address) {
    throw refusal('its address is not in canonical form')
  }
  if (!(Number.isInteger(list.version) && list.version >= 1 && list.version <= 0xffff_ffff)) {
    throw refusal('versions count from 1')
  }
  if (list.previousHash.length !== 32) throw refusal('previous_hash is not 32 bytes')
  if (list.version === 1 && !equal(list.previousHash, noPreviousHash())) {
    throw refusal('version 1 follows nothing: previous_hash must be zero')
  }
  const { devices } = list
  if (devices.length < 1 || devices.length > MAX_DEVICES) {
    throw refusal(`it must name 1 to ${MAX_DEVICES} devices`)
  }
  devices.forEach(checkDevice)
  unique(
    devices.map((device) => device.id),
    'two devices have one id',
  )
  unique(
    devices.map((device) => device.signingKey),
    'two devices have one signing key',
  )
  unique(
    devices.map((device) => device.encryptionKey),
    'two devices have one encryption key',
  )
  if (devices.filter((device) => device.mailbox).length > 1) {
    throw refusal('it names two mailbox devices')
  }
}

// Letters, marks, digits, punctuation, symbols, plain spaces: nothing that hides or reorders text.
const deviceName = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]{1,64}$/u

function checkDevice(device: Device): void {
  if (device.id.length !== 16) throw refusal('a device id is not 16 bytes')
  if (!deviceName.test(device.name)) {
    throw refusal(`a device name is not 1 to ${MAX_DEVICE_NAME_LENGTH} visible characters`)
  }
  checkSigningKey(device.signingKey, 'the device signing key')
  checkEncryptionKey(device.encryptionKey, 'the device encryption key')
  unixMs(device.addedAtUnixMs, 'the time a device was added')
}

function unique(values: readonly Uint8Array[], complaint: string): void {
  const seen = new Set(values.map((value) => value.join()))
  if (seen.size !== values.length) throw refusal(complaint)
}

const refusal = (what: string) => new MailxError('INVALID_ARGUMENT', `device list: ${what}`)
