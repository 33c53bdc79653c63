import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readlink, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = new URL('../..', import.meta.url).pathname

/** What services consist of. */
const parts = ['libs', 'services', 'proto', 'package.json']

export type SourceTree = { readonly path: string; remove(): Promise<void> }

/**
 * A copy of the code of the services, outside of the project, with patches applied; what npm brought is
 * linked. Rejects with what git says when a patch does not apply.
 */
export async function patchedTree(patches: readonly string[]): Promise<SourceTree> {
  const path = await mkdtemp(join(tmpdir(), 'mailx-tree-'))
  const remove = () => rm(path, { recursive: true, force: true })
  try {
    // Links among the project's own packages are relative: they lead to the copy.
    await run('cp', ['-R', '-P', ...parts.map((part) => join(root, part)), path])
    await linkModules(join(root, 'node_modules'), join(path, 'node_modules'))
    for (const patch of patches) await applyPatch(path, patch)
    return { path, remove }
  } catch (error) {
    await remove()
    throw error
  }
}

/** The project's own packages lead to the copy, as their links are relative; all others to the original. */
async function linkModules(from: string, to: string): Promise<void> {
  await mkdir(to, { recursive: true })
  for (const name of await readdir(from)) {
    if (name.startsWith('.')) continue
    if (name !== '@mailx') {
      await symlink(join(from, name), join(to, name))
      continue
    }
    await mkdir(join(to, name))
    for (const one of await readdir(join(from, name))) {
      await symlink(await readlink(join(from, name, one)), join(to, name, one))
    }
  }
}

/** Rejects with what git says when a patch would not apply. */
export async function checkPatch(patch: string): Promise<void> {
  await run('git', ['apply', '--check', ...LENIENT, patch], { cwd: root })
}

// What is around a change may be another one meanwhile.
const LENIENT = ['-C1', '--whitespace=nowarn']

async function applyPatch(path: string, patch: string): Promise<void> {
  // It is no repository, and must not be taken for a folder of one.
  const env = { ...process.env, GIT_CEILING_DIRECTORIES: tmpdir() }
  await run('git', ['apply', ...LENIENT, patch], { cwd: path, env })
}

/** The patches of a folder beside this file, by name without the ending. */
export async function patchesIn(folder: string): Promise<ReadonlyMap<string, string>> {
  const path = join(import.meta.dirname, folder)
  const names = (await readdir(path)).filter((name) => name.endsWith('.patch')).toSorted()
  return new Map(names.map((name) => [name.replace('.patch', ''), join(path, name)]))
}
