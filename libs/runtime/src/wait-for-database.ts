import type { SecureContext } from 'node:tls'
import { MailxError } from '@mailx/errors/mailx-error'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { logMigrations, type Migrations, migrate } from '@mailx/event-log/migrate'
import { fromPostgresError, isMissing, isNotAllowed } from '@mailx/event-log/postgres-error'
import type { Pool } from 'pg'

export type Wanted = {
  /** The way in of the role that wants to work. */
  readonly url: string
  /** What TLS is made with, when authorities or a certificate are named. */
  readonly tls?: (() => SecureContext) | undefined
  /** Of the services that run in its process. */
  readonly migrations: readonly Migrations[]
  /** Called when they are of a newer version. */
  readonly warn?: (what: string) => void
}

/**
 * Resolves when a role finds what it works on: the tables of the log and of its services, of this
 * version, with its rights to them. UNAVAILABLE until then, also while the role may not log in: it is
 * made when the database is prepared. UNSAFE_CONFIGURATION for a server that may lose commits.
 */
export async function findPrepared({ url, tls, migrations, warn }: Wanted): Promise<void> {
  try {
    const options = { url, applicationName: 'mailx wait-for-database', max: 2 }
    const pool = await connectPostgres({ ...options, ...(tls !== undefined && { tls }) })
    try {
      for (const one of [logMigrations, ...migrations]) await migrate(pool, one, warn)
      await assertRights(
        pool,
        migrations.map(({ schema }) => schema),
      )
    } finally {
      await pool.end()
    }
  } catch (error) {
    throw passing(error)
  }
}

/** Rights come after the tables: a version that adds one is ready when the role may read that, too. */
async function assertRights(pool: Pool, schemas: readonly string[]): Promise<void> {
  const { rows } = await pool.query<{ table: string }>(
    `select format('%s.%s', n.nspname, c.relname) as table
       from pg_class c join pg_namespace n on n.oid = c.relnamespace
       where n.nspname = any($1) and c.relkind in ('r', 'p')
         and not has_table_privilege(c.oid, 'SELECT')
       order by 1 limit 1`,
    [schemas],
  )
  if (rows[0] !== undefined) throw notYet(`the role may not read ${rows[0].table} yet`)
}

/** What the preparation of the database mends is worth waiting for. */
function passing(error: unknown): MailxError {
  const cause = error instanceof MailxError ? (error.cause ?? error) : error
  if (isUnknown(cause)) return notYet('Postgres does not let this role in yet', error)
  if (isMissing(cause) || isNotAllowed(cause)) return notYet('the tables are not there yet', error)
  return fromPostgresError(error)
}

/** The role, its password or the database is another than the server knows. */
function isUnknown(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code !== undefined && (/^28.{3}$/.test(code) || code === '3D000')
}

const notYet = (what: string, cause?: unknown): MailxError =>
  new MailxError(
    'UNAVAILABLE',
    `${what}: let the owner of the database prepare it (prepare-database)`,
    { cause, retryAfterMs: 1000 },
  )
