import { readFile, writeFile } from 'node:fs/promises'
import type { Keyring } from '@mailx/client/keyring'
import { openKeyring, sealKeyring } from '@mailx/client/keyring-file'
import { randomBytes } from '@mailx/crypto/random'
import { MailxError } from '@mailx/errors/mailx-error'

/** Where the keyrings of a journal's users lie. */
export const keyringsOf = (journal: string): string => `${journal}.keyrings`

/** One keyring a line, unprotected, in the order of the journal's users; readable by its owner alone. */
export async function writeKeyrings(path: string, keyrings: readonly Keyring[]): Promise<void> {
  const lines: string[] = []
  for (const keyring of keyrings) {
    const text = await sealKeyring(keyring, undefined, randomBytes)
    lines.push(`${JSON.stringify(JSON.parse(text))}\n`)
  }
  await writeFile(path, lines.join(''), { mode: 0o600 })
}

/** Throws NOT_FOUND or INVALID_ARGUMENT. */
export async function readKeyrings(path: string): Promise<Keyring[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new MailxError('NOT_FOUND', `cannot read the keyrings in ${path}: ${error.code}`)
  })
  const lines = text.split('\n').filter((line) => line !== '')
  return Promise.all(lines.map((line) => openKeyring(line, undefined)))
}
