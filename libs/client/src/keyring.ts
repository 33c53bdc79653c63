import { encryptionKeyPair } from '@mailx/crypto/agreement'
import { utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'
import { signingKeyPair } from '@mailx/crypto/sign'
import type { Device } from '@mailx/proto/keys/v1/keys'
import type { RecoverySecret } from './recovery-code.ts'

/** A device with its secret halves. Seeds are 32 bytes. */
export type DeviceKeys = {
  readonly id: Uint8Array
  readonly name: string
  readonly signingSeed: Uint8Array
  readonly encryptionSeed: Uint8Array
  readonly addedAt: number
  readonly mailbox: boolean
}

/**
 * Every secret of one account on one device. The user key and the mailbox device grow from the
 * recovery secret, so a lost device loses no mail: the code brings both back.
 */
export type Keyring = {
  readonly address: string
  readonly userSeed: Uint8Array
  readonly device: DeviceKeys
  readonly mailboxDevice: DeviceKeys
}

type Random = (length: number) => Uint8Array

const derive = (secret: RecoverySecret, label: string, length: number) =>
  blake2b(utf8(`mailx/v1/${label}`), { length, key: secret })

/** Keys for a new device of `address`, and those that the recovery secret stands for. */
export function createKeyring(input: {
  readonly address: string
  readonly deviceName: string
  readonly recovery: RecoverySecret
  readonly now: number
  readonly random: Random
}): Keyring {
  const { address, deviceName, recovery, now, random } = input
  return {
    address,
    userSeed: derive(recovery, `user-key/${address}`, 32),
    device: {
      id: random(16),
      name: deviceName,
      signingSeed: random(32),
      encryptionSeed: random(32),
      addedAt: now,
      mailbox: false,
    },
    mailboxDevice: {
      id: derive(recovery, `mailbox-device-id/${address}`, 16),
      name: 'mailbox',
      signingSeed: derive(recovery, `mailbox-device-signing/${address}`, 32),
      encryptionSeed: derive(recovery, `mailbox-device-encryption/${address}`, 32),
      addedAt: now,
      mailbox: true,
    },
  }
}

/** The public half of a device, as it stands in the device list. */
export const publicDevice = (device: DeviceKeys): Device => ({
  id: device.id,
  name: device.name,
  signingKey: signingKeyPair(device.signingSeed).publicKey,
  encryptionKey: encryptionKeyPair(device.encryptionSeed).publicKey,
  addedAtUnixMs: BigInt(device.addedAt),
  mailbox: device.mailbox,
})
