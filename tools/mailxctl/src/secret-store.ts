import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MailxError } from '@mailx/errors/mailx-error'

/** Texts by the names of their files, or of the keys of a Secret. */
export type SecretTexts = Readonly<Record<string, string>>

/** Where secrets are kept, by owner: the process that reads them, or a name that no process has. */
export type SecretStore = {
  /** What an owner's place is called, for people. */
  readonly placeOf: (owner: string) => string
  readonly read: (owner: string) => Promise<SecretTexts | undefined>
  /** Puts all of them there at once, over what `read` has returned. */
  readonly write: (owner: string, texts: SecretTexts) => Promise<void>
}

/** A folder for each owner, for its user alone; `namesOf` says which files are an owner's. */
export const secretFiles = (
  folder: string,
  namesOf: (owner: string) => readonly string[],
): SecretStore => ({
  placeOf: (owner) => join(folder, owner),
  read: async (owner) => {
    const texts = await Promise.all(
      namesOf(owner).map(async (name) => [name, await textOf(join(folder, owner, name))] as const),
    )
    const there = texts.filter(([, text]) => text !== undefined)
    return there.length === 0 ? undefined : (Object.fromEntries(there) as Record<string, string>)
  },
  write: async (owner, texts) => {
    const own = join(folder, owner)
    await mkdir(own, { recursive: true, mode: 0o700 })
    for (const [name, text] of Object.entries(texts)) {
      await writeFile(join(own, `${name}.new`), text, { mode: 0o600 })
    }
    for (const name of Object.keys(texts)) await rename(join(own, `${name}.new`), join(own, name))
  },
})

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return undefined
    throw new MailxError('PERMISSION_DENIED', `cannot read ${path}: ${code}`, { cause: error })
  }
}
