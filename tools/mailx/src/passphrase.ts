import { readFile } from 'node:fs/promises'
import { MailxError } from '@mailx/errors/mailx-error'

/**
 * The passphrase of a keyring: MAILX_PASSPHRASE_FILE, MAILX_PASSPHRASE, or asked on the terminal.
 * Twice with `confirm`, so that a slip of the finger does not lock the keys away.
 */
export async function readPassphrase(options: { readonly confirm: boolean }): Promise<string> {
  const { MAILX_PASSPHRASE, MAILX_PASSPHRASE_FILE } = process.env
  if (MAILX_PASSPHRASE_FILE) return (await readFile(MAILX_PASSPHRASE_FILE, 'utf8')).trimEnd()
  if (MAILX_PASSPHRASE) return MAILX_PASSPHRASE
  if (!process.stdin.isTTY) {
    throw new MailxError(
      'UNAUTHENTICATED',
      'a passphrase is needed and there is no terminal to ask on: set MAILX_PASSPHRASE_FILE',
    )
  }
  const { password } = await import('@inquirer/prompts')
  const passphrase = await password({ message: 'Passphrase', mask: true })
  if (passphrase === '')
    throw new MailxError('INVALID_ARGUMENT', 'an empty passphrase protects nothing')
  if (options.confirm && passphrase !== (await password({ message: 'Again', mask: true }))) {
    throw new MailxError('INVALID_ARGUMENT', 'the two passphrases differ')
  }
  return passphrase
}
