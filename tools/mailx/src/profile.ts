import { existsSync } from 'node:fs'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseAddress } from '@mailx/address/address'
import { MailxError } from '@mailx/errors/mailx-error'
import envPaths from 'env-paths'

/** The folder of one account: keyring.json (secret), trust.json, domain.json, mailbox.sealed. */
export type Profile = { readonly address: string; readonly folder: string }

const KEYRING = 'keyring.json'

/** MAILX_HOME, else the platform's folder for application data. */
export const mailxHome = (): string =>
  process.env.MAILX_HOME || envPaths('mailx', { suffix: '' }).data

export function profileOf(address: string): Profile {
  const { canonical } = parseAddress(address)
  return { address: canonical, folder: join(mailxHome(), canonical) }
}

/** The addresses that have a keyring here, sorted. */
export async function listProfiles(): Promise<string[]> {
  const entries = await readdir(mailxHome(), { withFileTypes: true }).catch(ignoreMissing([]))
  return entries
    .filter((entry) => entry.isDirectory() && existsSync(join(mailxHome(), entry.name, KEYRING)))
    .map((entry) => entry.name)
    .toSorted()
}

/** The account that is meant: the one named, or the only one there is. */
export async function chooseProfile(named: string | undefined): Promise<Profile> {
  if (named) return profileOf(named)
  const all = await listProfiles()
  const [only] = all
  if (only && all.length === 1) return profileOf(only)
  throw new MailxError(
    all.length === 0 ? 'UNAUTHENTICATED' : 'INVALID_ARGUMENT',
    all.length === 0
      ? `no account here (${mailxHome()}): register one with \`mailx register <address>\``
      : `several accounts here: say which with --account (${all.join(', ')})`,
  )
}

/** The file's text, or undefined when it is not there. */
export const readProfileFile = (profile: Profile, name: string): Promise<string | undefined> =>
  readFile(join(profile.folder, name), 'utf8').catch(ignoreMissing(undefined))

/** Replaces the file in one step, readable by its owner alone. */
export async function writeProfileFile(
  profile: Profile,
  name: string,
  text: string,
): Promise<void> {
  await mkdir(profile.folder, { recursive: true, mode: 0o700 })
  const path = join(profile.folder, name)
  await writeFile(`${path}.new`, text, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

/** Removes a file of the profile, if it is there. */
export const removeProfileFile = (profile: Profile, name: string): Promise<void> =>
  rm(join(profile.folder, name), { force: true })

const ignoreMissing =
  <Value>(instead: Value) =>
  (error: NodeJS.ErrnoException): Value => {
    if (error.code === 'ENOENT') return instead
    throw error
  }
