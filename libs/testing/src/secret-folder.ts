import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type SecretFolder = {
  /** Where a file of it is found, whichever version is in force. */
  path(name: string): string
  /** Puts a new version of all files in force in one step. */
  put(files: Readonly<Record<string, string>>): Promise<void>
  remove(): Promise<void>
}

/**
 * A folder of secrets as Kubernetes mounts it: every file is a link through `..data`, itself a link to
 * the folder of a version, which a change swaps.
 */
export async function secretFolder(): Promise<SecretFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'mailx-secret-'))
  const linked = new Set<string>()
  let version = 0
  return {
    path: (name) => join(folder, name),
    async put(files) {
      version += 1
      const before = `..${version - 1}`
      await mkdir(join(folder, `..${version}`))
      for (const [name, text] of Object.entries(files)) {
        await writeFile(join(folder, `..${version}`, name), text, { mode: 0o600 })
      }
      await symlink(`..${version}`, join(folder, '..new'))
      await rename(join(folder, '..new'), join(folder, '..data'))
      for (const name of Object.keys(files)) {
        if (!linked.has(name)) await symlink(join('..data', name), join(folder, name))
        linked.add(name)
      }
      await rm(join(folder, before), { recursive: true, force: true })
    },
    remove: () => rm(folder, { recursive: true }),
  }
}
