import { randomBytes } from 'node:crypto'
import type { SecureContext } from 'node:tls'
import { MailxError } from '@mailx/errors/mailx-error'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { logMigrations, type Migrations, migrate } from '@mailx/event-log/migrate'
import { openContexts } from '@mailx/event-log/open-contexts'
import { fromPostgresError } from '@mailx/event-log/postgres-error'
import { createVaultTable } from '@mailx/federation/key-vault'
import { closeToPublic, grantsFor, quoted, watchingRole } from '@mailx/privileges/postgres-grants'
import { type Principal, services } from '@mailx/privileges/services'
import { ensureCheckpointTables } from '@mailx/processors/checkpoint'
import { transaction } from '@mailx/processors/transaction'
import type { ClientBase, Pool } from 'pg'
import { scramVerifier } from './scram-verifier.ts'

/** A role that may log in, and whose rights it gets. */
export type Login = {
  readonly principal: Principal
  readonly role: string
  /** Left out: the role exists, and its password is somebody else's business. */
  readonly password?: string
}

export type Preparation = {
  /** The way in as the owner of everything: a superuser, or an owner with CREATEROLE. */
  readonly url: string
  /** What TLS is made with, when authorities or a certificate are named. */
  readonly tls?: (() => SecureContext) | undefined
  /** Of all services. */
  readonly migrations: readonly Migrations[]
  /** Partitions of contexts that are not there yet. */
  readonly partitions: number
  readonly logins: readonly Login[]
  /** Called with what an operator should know: what the owner may not give, and that it is of a newer version. */
  readonly warn: (what: string) => void
}

/**
 * Does everything in a database that needs its owner: schemas and tables of the log and all services,
 * the contexts, and for each login a role with exactly its rights. May be run again at any time, also
 * while services work. UNSAFE_CONFIGURATION for a login that has rights which nobody can take away.
 */
export async function prepareDatabase(preparation: Preparation): Promise<void> {
  const { url, tls, migrations, partitions, logins, warn } = preparation
  const applicationName = 'mailx prepare-database'
  const options = { url, applicationName, max: 2, ...(tls !== undefined && { tls }) }
  const owner = await connectPostgres(options)
  try {
    await migrate(owner, logMigrations, warn)
    await openContexts(owner, { partitions })
    for (const one of migrations) await migrate(owner, one, warn)
    for (const { schema, vault } of Object.values(services)) {
      if (vault) await createVaultTable(owner, schema)
      await ensureCheckpointTables(owner, schema)
    }
    if (logins.length > 0) await setUpRoles(owner, preparation)
  } catch (error) {
    throw fromPostgresError(error)
  } finally {
    await owner.end()
  }
}

const setUpRoles = (owner: Pool, { logins, warn }: Preparation): Promise<void> =>
  transaction(owner, async (client) => {
    await client.query("select pg_advisory_xact_lock(hashtextextended('mailx.roles', 0))")
    const { rows } = await client.query<{ database: string }>(
      'select current_database() as database',
    )
    const database = rows[0]?.database ?? ''
    await client.query(closeToPublic(database).join(';\n'))
    for (const login of logins) {
      await makeRole(client, login)
      await client.query(
        [
          `grant connect on database ${quoted(database)} to ${quoted(login.role)}`,
          ...grantsFor(login.role, login.principal),
        ].join(';\n'),
      )
      const missing = await letWatch(client, login)
      if (missing !== undefined) warn(missing)
    }
  })

type Watching = {
  readonly already: boolean
  readonly mayGrant: boolean
  readonly version: number
}

/** Resolves with what is missing, where the owner may not give a role that belongs to Postgres itself. */
async function letWatch(
  client: ClientBase,
  { principal, role }: Login,
): Promise<string | undefined> {
  const watching = watchingRole(principal)
  if (watching === undefined) return undefined
  const { rows } = await client.query<Watching>(
    `select pg_has_role($1, $2, 'USAGE') as already, current_setting('server_version_num')::int as version,
            r.rolsuper or pg_has_role($2, 'MEMBER WITH ADMIN OPTION')
              or r.rolcreaterole and current_setting('server_version_num')::int < 160000 as "mayGrant"
       from pg_roles r where r.rolname = current_user`,
    [role, watching],
  )
  const { already = false, mayGrant = false, version = 0 } = rows[0] ?? {}
  if (already) return undefined
  // The roles inherit nothing by themselves; before Postgres 16 a role does so as a whole or not at all.
  const statements =
    version < 160_000
      ? [`grant ${watching} to ${quoted(role)}`, `alter role ${quoted(role)} inherit`]
      : [`grant ${watching} to ${quoted(role)} with inherit true`]
  if (!mayGrant) {
    return `${role} does not see the replicas and the WAL, for this owner may not give it ${watching}: as a superuser, ${statements.join('; ')}`
  }
  await client.query(statements.join(';\n'))
  return undefined
}

async function makeRole(client: ClientBase, { role, password }: Login): Promise<void> {
  const { rows } = await client.query<{ too_much: boolean; iterations: string | null }>(
    `select r.rolsuper or r.rolbypassrls or r.rolcreaterole or r.rolreplication
         or pg_has_role(r.oid, n.nspowner, 'MEMBER') as too_much
       from pg_roles r, pg_namespace n where r.rolname = $1 and n.nspname = 'log'`,
    [role],
  )
  if (rows[0]?.too_much === true) {
    throw new MailxError(
      'UNSAFE_CONFIGURATION',
      `the role ${role} may do anything in this database, by itself or as a member of its owner: name another one`,
    )
  }
  if (rows.length === 0) await client.query(`create role ${quoted(role)} login noinherit`)
  if (password === undefined) return
  const { rows: settings } = await client.query<{ iterations: string | null }>(
    "select current_setting('scram_iterations', true) as iterations",
  )
  const iterations = Number(settings[0]?.iterations ?? 4096)
  const verifier = scramVerifier(password, randomBytes(16), iterations)
  await client.query(`alter role ${quoted(role)} login password '${verifier}'`)
}
