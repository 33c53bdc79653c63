import { randomUUID } from 'node:crypto'
import { chownSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { ProgramOf } from '@mailx/dev-tool/program-of'
import type { Engine } from './engine.ts'

/** What a pod of the restricted profile is allowed, and no more. */
export const strict = [
  '--read-only',
  '--cap-drop=ALL',
  '--security-opt=no-new-privileges',
  '--tmpfs=/tmp:rw,noexec,nosuid,nodev,size=64m',
]

export const USER = 10_001
const label = `mailx.image-test=${randomUUID()}`
const secretNames = /^(?:(?:MIGRATION_)?DATABASE_URL|NATS_URL|REDIS_URL|.*_KEY)$/
const fileNames = /^(?:GRPC_(?:CA|CERT|KEY)|DATABASE_PASSWORD|NATS_SEED)_FILE$/
const folderNames = /^ROLE_PASSWORDS_DIR$/

/**
 * Runs programs from the image, on the network of this machine. Secrets reach them as files, as they
 * do in Kubernetes. `folder` is where those files are kept.
 */
export const programInImage =
  (engine: Engine, image: string, folder: string): ProgramOf =>
  (name, env) => {
    const all = Object.keys(env)
    const secrets = all.filter((key) => secretNames.test(key))
    const files = all.filter((key) => fileNames.test(key))
    const folders = all.filter((key) => folderNames.test(key))
    const special = new Set([...secrets, ...files, ...folders])
    const plain = all.filter((key) => !special.has(key))
    const home = env['MAILX_HOME']
    const mounts = [
      ...(secrets.length > 0
        ? [`${secretFiles(folder, env, [...secrets, ...files])}:/etc/mailx/secrets:ro`]
        : []),
      ...folders.map((key) => `${folderOf(folder, env[key] ?? '')}:/etc/mailx/${key}:ro`),
      ...(home === undefined ? [] : [`${ownFolder(home)}:${home}`]),
    ]
    return [
      engine.client,
      'run',
      '--rm',
      `--label=${label}`,
      '--network=host',
      `--user=${user()}`,
      ...strict,
      ...mounts.map((mount) => `--volume=${mount}`),
      ...plain.map((key) => `--env=${key}`),
      ...secrets.map((key) => `--env=${key}_FILE=/etc/mailx/secrets/${key}`),
      ...files.map((key) => `--env=${key}=/etc/mailx/secrets/${key}`),
      ...folders.map((key) => `--env=${key}=/etc/mailx/${key}`),
      image,
      name,
    ]
  }

/** Removes what still runs of the containers that were started here. */
export async function removeContainers(engine: Engine): Promise<void> {
  const ids = await engine.run(['ps', '--all', '--quiet', '--filter', `label=${label}`])
  const left = ids.split('\n').filter((id) => id !== '')
  if (left.length > 0) await engine.run(['rm', '--force', ...left])
}

/** The image's own user; for who is not root here, the one that may read the mounted files. */
const user = (): string => {
  const uid = process.getuid?.() ?? 0
  return uid === 0 ? `${USER}:${USER}` : `${uid}:${process.getgid?.() ?? uid}`
}

function ownFolder(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 })
  if (process.getuid?.() === 0) chownSync(path, USER, USER)
  return path
}

/** A copy of a folder of files that the image's user may read. */
function folderOf(folder: string, from: string): string {
  const names = readdirSync(from)
  const paths = Object.fromEntries(names.map((name) => [name, readFileSync(join(from, name))]))
  return writeFiles(folder, paths)
}

function secretFiles(
  folder: string,
  env: Readonly<Record<string, string>>,
  names: readonly string[],
): string {
  const valueOf = (name: string) => {
    const value = env[name] ?? ''
    return fileNames.test(name) ? readFileSync(value) : value
  }
  return writeFiles(folder, Object.fromEntries(names.map((name) => [name, valueOf(name)])))
}

function writeFiles(folder: string, files: Readonly<Record<string, string | Buffer>>): string {
  const path = ownFolder(join(folder, randomUUID()))
  for (const [name, text] of Object.entries(files)) {
    const file = join(path, name)
    writeFileSync(file, text, { mode: 0o400 })
    if (process.getuid?.() === 0) chownSync(file, USER, USER)
  }
  return path
}
