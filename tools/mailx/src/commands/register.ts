import { hostname } from 'node:os'
import { createKeyring, type Keyring } from '@mailx/client/keyring'
import { sealKeyring } from '@mailx/client/keyring-file'
import { formatRecoveryCode } from '@mailx/client/recovery-code'
import { register } from '@mailx/client/register'
import { randomBytes } from '@mailx/crypto/random'
import { MailxError } from '@mailx/errors/mailx-error'
import { toExitCode } from '../exit-code.ts'
import { fingerprint } from '../fingerprint.ts'
import { connectAccount, openAccount } from '../open-account.ts'
import { readPassphrase } from '../passphrase.ts'
import {
  type Profile,
  profileOf,
  readProfileFile,
  removeProfileFile,
  writeProfileFile,
} from '../profile.ts'
import type { Context } from '../run-command.ts'

export type RegisterOptions = { readonly unprotected?: boolean; readonly device?: string }

/**
 * Makes the keys, stores the keyring, claims the address. The keyring is stored first: a key that others
 * seal to must not be lost. Where it is there already, the claim is repeated with the same keys.
 */
export async function registerCommand(
  context: Context,
  address: string,
  options: RegisterOptions,
): Promise<void> {
  const profile = profileOf(address)
  if ((await readProfileFile(profile, 'keyring.json')) !== undefined) {
    await registerAgain(context, profile)
    return
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
  await writeProfileFile(
    profile,
    'keyring.json',
    await sealKeyring(keyring, passphrase, randomBytes),
  )
  const code = formatRecoveryCode(recovery)
  const publicKey = await claim(profile, keyring, code)
  const data = { address: profile.address, recoveryCode: code, fingerprint: fingerprint(publicKey) }
  const text = [
    `registered ${profile.address}`,
    `fingerprint    ${data.fingerprint}`,
    `recovery code  ${code}`,
  ]
  const { output } = context
  output.result(data, text.join('\n'))
  output.say('Write the recovery code down: it alone brings back your mail if this device is lost.')
  if (passphrase === undefined) {
    output.say(`The keys lie unprotected in ${profile.folder}: anybody who can read it is you.`)
  }
}

/** Registers. Keys whose claim was refused are useless and go; where it is not sure, they stay. */
async function claim(profile: Profile, keyring: Keyring, code: string): Promise<Uint8Array> {
  try {
    const account = await connectAccount(profile, keyring)
    try {
      return (await register(account)).publicKey
    } finally {
      account.transport.close()
    }
  } catch (error) {
    const exitCode = toExitCode(error)
    if (exitCode !== 1 && exitCode !== 6) {
      await removeProfileFile(profile, 'keyring.json')
      throw error
    }
    const { code: reason, message } =
      error instanceof MailxError ? error : { code: 'INTERNAL' as const, message: String(error) }
    throw new MailxError(
      reason,
      `${message}. The new keys are kept: write down their recovery code ${code} and run the same command again later`,
      { cause: error },
    )
  }
}

async function registerAgain({ output }: Context, profile: Profile): Promise<void> {
  const account = await openAccount(profile)
  try {
    const data = {
      address: profile.address,
      fingerprint: fingerprint((await register(account)).publicKey),
    }
    output.result(
      data,
      `registered ${profile.address} with the keyring that was here\nfingerprint    ${data.fingerprint}`,
    )
  } finally {
    account.transport.close()
  }
}
