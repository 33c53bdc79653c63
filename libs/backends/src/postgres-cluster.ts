import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chown, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Say } from './backend.ts'
import { cacheDir } from './cache-dir.ts'
import type { PostgresBinaries } from './postgres-binaries.ts'
import type { User } from './unprivileged-user.ts'

const run = promisify(execFile)

/** The superuser of the clusters made here. */
export const CLUSTER_USER = 'mailx'
const PASSWORD_FILE = 'mailx-password'

// Whoever reaches the unix socket, which is in a private folder, is trusted; over TCP the password
// counts. It is random, so that its derivation need not be slow.
const settings = [
  '--auth-local=trust',
  '--auth-host=scram-sha-256',
  '--encoding=UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
  '--set=scram_iterations=1',
]

/** Nothing of the caller's PG* variables or language may leak into a cluster. */
export const postgresEnv = { LC_ALL: 'C', TZ: 'UTC', PATH: process.env.PATH }

export type Cluster = { readonly dataDir: string; readonly password: string }

export type ClusterTools = {
  readonly binaries: PostgresBinaries
  readonly user: User | undefined
  readonly say: Say
}

/**
 * The cluster in `dataDir`, made first where there is none: a copy of a fresh one that is kept in
 * the cache, because copying takes a tenth of the time of `initdb`.
 */
export async function openCluster(
  dataDir: string,
  sync: boolean,
  tools: ClusterTools,
): Promise<Cluster> {
  if (!existsSync(join(dataDir, 'PG_VERSION'))) {
    const template = await clusterTemplate(tools)
    const copy = `${dataDir}.${process.pid}`
    await mkdir(dirname(dataDir), { recursive: true })
    await run('cp', ['-a', template, copy])
    if (sync) await run(tools.binaries.initdb, ['--sync-only', '-D', copy], spawnAs(tools.user))
    await rm(dataDir, { recursive: true, force: true })
    await rename(copy, dataDir)
  }
  const password = (await readFile(join(dataDir, PASSWORD_FILE), 'utf8')).trim()
  return { dataDir, password }
}

async function clusterTemplate({ binaries, user, say }: ClusterTools): Promise<string> {
  const kind = createHash('sha256').update(settings.join(' ')).digest('hex').slice(0, 8)
  const name = `cluster-${binaries.version}-${kind}-${user?.name ?? 'own'}`
  const template = join(cacheDir(), name)
  if (existsSync(template)) return template

  say(`Postgres: making an empty cluster, kept in ${template}`)
  const workDir = `${template}.${process.pid}`
  const passwordFile = join(workDir, PASSWORD_FILE)
  const fresh = join(workDir, 'data')
  await mkdir(workDir, { mode: 0o700 })
  await writeFile(passwordFile, randomBytes(24).toString('base64url'), { mode: 0o600 })
  if (user !== undefined) {
    await chown(workDir, user.uid, user.gid)
    await chown(passwordFile, user.uid, user.gid)
  }
  const args = ['-D', fresh, '-U', CLUSTER_USER, `--pwfile=${passwordFile}`, ...settings]
  try {
    await run(binaries.initdb, [...args, '--no-sync', '--no-instructions'], spawnAs(user))
    await rename(passwordFile, join(fresh, PASSWORD_FILE))
    // Somebody else may have been faster: then theirs is as good.
    if (!existsSync(template)) await rename(fresh, template)
  } finally {
    await rm(workDir, { recursive: true, force: true })
  }
  return template
}

const spawnAs = (user: User | undefined) => ({
  env: postgresEnv,
  cwd: '/',
  ...(user === undefined ? {} : { uid: user.uid, gid: user.gid }),
})
