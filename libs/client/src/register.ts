import { signingKeyPair } from '@mailx/crypto/sign'
import { MailxError } from '@mailx/errors/mailx-error'
import { deviceListHash, makeDeviceList } from '@mailx/keys/device-list'
import type { UserIdentity } from '@mailx/proto/keys/v1/keys'
import { signStatement } from '@mailx/statement/statement'
import type { Account } from './account.ts'
import { publicDevice } from './keyring.ts'

/**
 * Claims the keyring's address at its server: proves possession of the user key and publishes device
 * list 1 (this device and the mailbox device). Safe to repeat. Throws ALREADY_EXISTS when somebody
 * else has the address.
 */
export async function register(account: Account): Promise<UserIdentity> {
  const { keyring, transport, now } = account
  const { address } = keyring
  const user = signingKeyPair(keyring.userSeed)
  const deviceList = makeDeviceList({
    address,
    devices: [publicDevice(keyring.device), publicDevice(keyring.mailboxDevice)],
    userSecretKey: user.secretKey,
  })
  const at = now()
  const possession = {
    address,
    publicKey: user.publicKey,
    deviceListHash: deviceListHash(deviceList),
    at,
  }
  const { identity } = await transport.register({
    address,
    publicKey: user.publicKey,
    atUnixMs: BigInt(at),
    possessionSignature: signStatement('possession', possession, user.secretKey),
    deviceList,
  })
  if (identity === undefined) {
    throw new MailxError('INTERNAL', 'the server registered the address but sent no attestation')
  }
  return identity
}
