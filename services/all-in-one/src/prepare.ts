import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { MailxError } from '@mailx/errors/mailx-error'
import { roleName } from '@mailx/privileges/postgres-grants'
import { isPrincipal, principals } from '@mailx/privileges/services'
import { type Login, prepareDatabase } from '@mailx/runtime/prepare-database'
import type { PreparationConfig } from './config.ts'
import { databaseTls } from './database-tls.ts'
import { migrations } from './migrations.ts'

/** Migrates the database of a deployment as its owner, and gives the roles of the folder their rights. */
export async function prepare(
  config: PreparationConfig,
  warn: (what: string) => void = console.warn,
): Promise<readonly Login[]> {
  const url = config.MIGRATION_DATABASE_URL
  const prefix = config.ROLE_PREFIX ?? decodeURIComponent(new URL(url).pathname.slice(1))
  const logins = await loginsOf(config.ROLE_PASSWORDS_DIR, prefix)
  const tls = databaseTls(config)
  const partitions = config.LOG_PARTITIONS
  await prepareDatabase({ url, tls, migrations, partitions, logins, warn })
  return logins
}

/** A role for each file of the folder. Throws INVALID_ARGUMENT for a file that names none, or is empty. */
async function loginsOf(dir: string | undefined, prefix: string): Promise<Login[]> {
  if (dir === undefined) return []
  // What Kubernetes keeps beside the keys of a mounted secret begins with two dots.
  const names = (await readdir(dir)).filter((name) => !name.startsWith('.'))
  return Promise.all(
    names.map(async (principal) => {
      if (!isPrincipal(principal)) {
        throw wrong(`${principal} is not one of ${principals.join(', ')}`)
      }
      const password = (await readFile(join(dir, principal), 'utf8')).trim()
      if (password === '') throw wrong(`the file ${principal} is empty`)
      return { principal, role: roleName(prefix, principal), password }
    }),
  )
}

const wrong = (what: string): MailxError =>
  new MailxError('INVALID_ARGUMENT', `ROLE_PASSWORDS_DIR: ${what}`)
