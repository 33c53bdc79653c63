import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { roleName } from '@mailx/privileges/postgres-grants'
import { type Principal, principals } from '@mailx/privileges/services'

/** The servers of a deployment, and the ways in that may do anything. */
export type Backends = {
  /** The owner's way in. */
  readonly databaseUrl: string
  /** The account's way in. */
  readonly natsUrl: string
  /** The seed of the nkey that each service has in the account. */
  readonly natsSeedOf: (principal: Principal) => string
  readonly redisUrl: string
}

export type Environment = Readonly<Record<string, string>>

/** How the processes of one deployment get into its servers. */
export type OwnAccess = {
  /** What makes a process the one it is: a role and a user of its own. */
  readonly envOf: (principal: Principal) => Environment
  /** For whoever sets up the database: everything in it is theirs. */
  readonly ownerEnv: Environment
}

/** Makes a password for each role. Passwords and seeds are files below `folder`, named for their owner. */
export async function giveAccess(backends: Backends, folder: string): Promise<OwnAccess> {
  const { databaseUrl, natsSeedOf, natsUrl } = backends
  const passwordOf = new Map(
    principals.map((principal) => [principal, randomBytes(24).toString('base64url')]),
  )
  const roles = await writeEach(join(folder, 'postgres-roles'), (one) => passwordOf.get(one) ?? '')
  const users = await writeEach(join(folder, 'nats-users'), natsSeedOf)
  const envOf = (principal: Principal): Environment => {
    const url = new URL(databaseUrl)
    url.username = roleName(decodeURIComponent(url.pathname.slice(1)), principal)
    // A person's shell holds what the operator's tool needs; services read theirs from a file.
    if (principal === 'operator') {
      url.password = passwordOf.get(principal) ?? ''
      return { DATABASE_URL: url.href }
    }
    url.password = ''
    return {
      DATABASE_URL: url.href,
      DATABASE_PASSWORD_FILE: join(roles, principal),
      NATS_URL: withoutCredentials(natsUrl),
      NATS_SEED_FILE: join(users, principal),
    }
  }
  return { envOf, ownerEnv: { MIGRATION_DATABASE_URL: databaseUrl, ROLE_PASSWORDS_DIR: roles } }
}

async function writeEach(dir: string, textOf: (principal: Principal) => string): Promise<string> {
  await mkdir(dir, { recursive: true, mode: 0o700 })
  for (const principal of principals) {
    await writeFile(join(dir, principal), textOf(principal), { mode: 0o600 })
  }
  return dir
}

function withoutCredentials(url: string): string {
  const bare = new URL(url)
  bare.username = ''
  bare.password = ''
  return bare.href
}
