import { signingKeyPair } from '@mailx/crypto/sign'
import { MailxError } from '@mailx/errors/mailx-error'
import { makeDeviceList } from '@mailx/keys/device-list'
import type { UserIdentity } from '@mailx/proto/keys/v1/keys'
import type { Account } from './account.ts'
import { publicDevice } from './keyring.ts'
import { lookUpKeys } from './look-up-keys.ts'
import { signedIn } from './session.ts'

/**
 * Adds this keyring's device to the account that its recovery code made, signing in as the mailbox
 * device. With `revokeOthers`, all other devices of the account are struck off the list.
 */
export async function recover(
  account: Account,
  options: { readonly revokeOthers: boolean },
): Promise<UserIdentity> {
  const { keyring, transport } = account
  const asMailbox = { ...account, keyring: { ...keyring, device: keyring.mailboxDevice } }
  await lookUpKeys(asMailbox, [keyring.address], { fresh: true })
  const previous = account.keys.get(keyring.address)?.deviceList
  if (previous === undefined) throw new MailxError('NOT_FOUND', `no keys of ${keyring.address}`)
  const user = signingKeyPair(keyring.userSeed)
  const kept = previous.devices.filter(({ mailbox }) => mailbox || !options.revokeOthers)
  const deviceList = makeDeviceList({
    address: keyring.address,
    devices: [...kept, publicDevice(keyring.device)],
    userSecretKey: user.secretKey,
    previous,
  })
  const { identity } = await signedIn(asMailbox, (call) =>
    transport.publishDeviceList({ deviceList }, call),
  )
  if (identity) return identity
  throw new MailxError('INTERNAL', 'the server took the device list but sent no attestation')
}
