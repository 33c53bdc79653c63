import { hostname } from 'node:os'
import { createKeyring } from '@mailx/client/keyring'
import { sealKeyring } from '@mailx/client/keyring-file'
import { formatRecoveryCode } from '@mailx/client/recovery-code'
import { register } from '@mailx/client/register'
import { randomBytes } from '@mailx/crypto/random'
import { MailxError } from '@mailx/errors/mailx-error'
import { fingerprint } from '../fingerprint.ts'
import { connectAccount } from '../open-account.ts'
import { readPassphrase } from '../passphrase.ts'
import { profileOf, readProfileFile, writeProfileFile } from '../profile.ts'
import type { Context } from '../run-command.ts'

export type RegisterOptions = { readonly unprotected?: boolean; readonly device?: string }

/** Makes the keys, claims the address, and stores the keyring. */
export async function registerCommand(
  { output }: Context,
  address: string,
  options: RegisterOptions,
): Promise<void> {
  const profile = profileOf(address)
  if ((await readProfileFile(profile, 'keyring.json')) !== undefined) {
    throw new MailxError(
      'ALREADY_EXISTS',
      `there is a keyring of ${profile.address} in ${profile.folder}: move it away to register anew`,
    )
  }
  const passphrase = options.unprotected ? undefined : await readPassphrase({ confirm: true })
  const recovery = randomBytes(16)
  const keyring = createKeyring({
    address: profile.address,
    deviceName: (options.device ?? hostname()).slice(0, 64),
    recovery,
    now: Date.now(),
    random: randomBytes,
  })
  const sealed = await sealKeyring(keyring, passphrase, randomBytes)
  const account = await connectAccount(profile, keyring)
  try {
    // Stored before it is published: a key that others seal to must not be lost.
    await writeProfileFile(profile, 'keyring.new.json', sealed)
    const { publicKey } = await register(account)
    await writeProfileFile(profile, 'keyring.json', sealed)
    const code = formatRecoveryCode(recovery)
    const data = {
      address: profile.address,
      recoveryCode: code,
      fingerprint: fingerprint(publicKey),
    }
    const text = [
      `registered ${profile.address}`,
      `fingerprint    ${data.fingerprint}`,
      `recovery code  ${code}`,
    ]
    output.result(data, text.join('\n'))
    output.say(
      'Write the recovery code down: it alone brings back your mail when this device is lost.',
    )
    if (passphrase === undefined) {
      output.say(`The keys lie unprotected in ${profile.folder}: anybody who can read it is you.`)
    }
  } finally {
    account.transport.close()
  }
}
