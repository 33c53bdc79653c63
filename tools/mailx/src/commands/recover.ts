import { hostname } from 'node:os'
import { createKeyring } from '@mailx/client/keyring'
import { sealKeyring } from '@mailx/client/keyring-file'
import { recover } from '@mailx/client/recover'
import { parseRecoveryCode } from '@mailx/client/recovery-code'
import { randomBytes } from '@mailx/crypto/random'
import { MailxError } from '@mailx/errors/mailx-error'
import { connectAccount } from '../open-account.ts'
import { readPassphrase } from '../passphrase.ts'
import { profileOf, readProfileFile, writeProfileFile } from '../profile.ts'
import type { Context } from '../run-command.ts'

export type RecoverOptions = {
  readonly code: string
  readonly unprotected?: boolean
  readonly device?: string
  readonly revokeOthers?: boolean
}

/** Brings an account back on a new device with its recovery code. */
export async function recoverCommand(
  { output }: Context,
  address: string,
  options: RecoverOptions,
): Promise<void> {
  const profile = profileOf(address)
  if ((await readProfileFile(profile, 'keyring.json')) !== undefined) {
    throw new MailxError('ALREADY_EXISTS', `there is a keyring of ${profile.address} here already`)
  }
  const keyring = createKeyring({
    address: profile.address,
    deviceName: (options.device ?? hostname()).slice(0, 64),
    recovery: parseRecoveryCode(options.code),
    now: Date.now(),
    random: randomBytes,
  })
  const passphrase = options.unprotected ? undefined : await readPassphrase({ confirm: true })
  const sealed = await sealKeyring(keyring, passphrase, randomBytes)
  const account = await connectAccount(profile, keyring)
  try {
    const { deviceListVersion } = await recover(account, {
      revokeOthers: options.revokeOthers ?? false,
    })
    await writeProfileFile(profile, 'keyring.json', sealed)
    output.result(
      { address: profile.address, deviceListVersion },
      `recovered ${profile.address}: this device is in device list ${deviceListVersion}`,
    )
  } finally {
    account.transport.close()
  }
}
