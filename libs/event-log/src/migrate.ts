import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { MailxError } from '@mailx/errors/mailx-error'
import { runner } from 'node-pg-migrate'
import { Client, escapeIdentifier, type Pool } from 'pg'
import { isMissing, isNotAllowed } from './postgres-error.ts'

export type Migrations = {
  /** The schema that the migrations create and fill; it also remembers which have run. */
  readonly schema: string
  readonly dir: URL | string
}

const quiet = { debug() {}, info() {}, warn: console.warn, error: console.error }

/** A migration after which the version before cannot work any more: 0007_contract_old_names. */
const CONTRACT = /^\d+_contract_/

/**
 * Runs what has not run yet, forward only, all of it or nothing. Processes that start at the same
 * time wait for each other. UNAVAILABLE when there is something to run and the pool's role may not:
 * until the owner has done it. A schema that a newer version has migrated is told by `warn` and worked
 * with, as while versions are exchanged; UNSAFE_CONFIGURATION when that took away what this one needs.
 */
export async function migrate(
  pool: Pool,
  { schema, dir }: Migrations,
  warn: (what: string) => void = console.warn,
): Promise<void> {
  const path = dir instanceof URL ? fileURLToPath(dir) : dir
  const wanted = (await readdir(path))
    .filter((name) => name.endsWith('.sql'))
    .map((name) => name.replace(/\.sql$/, ''))
  const done = await migrationsOf(pool, schema)
  const newer = [...done].filter((name) => !wanted.includes(name))
  if (newer.length > 0) tellNewer(schema, newer, warn)
  if (wanted.every((name) => done.has(name))) return
  if (!(await mayMigrate(pool, schema))) throw notPrepared(schema)
  const client = new Client({ ...pool.options, password: pool.options.password })
  await client.connect()
  try {
    await runner({
      dbClient: client,
      dir: path,
      direction: 'up',
      schema,
      migrationsSchema: schema,
      migrationsTable: 'migrations',
      createSchema: true,
      createMigrationsSchema: true,
      advisoryLockMode: 'wait',
      logger: quiet,
    })
  } finally {
    await client.end()
  }
}

async function mayMigrate(pool: Pool, schema: string): Promise<boolean> {
  const { rows } = await pool.query<{ may: boolean }>(
    `select coalesce(
       (select pg_has_role(session_user, nspowner, 'USAGE') from pg_namespace where nspname = $1),
       has_database_privilege(current_database(), 'CREATE')) as may`,
    [schema],
  )
  return rows[0]?.may === true
}

const notPrepared = (schema: string, cause?: unknown): MailxError =>
  new MailxError(
    'UNAVAILABLE',
    `the schema ${schema} of the database is not ready for this version and this role: let its owner prepare the database`,
    { cause, retryAfterMs: 1000 },
  )

function tellNewer(schema: string, names: readonly string[], warn: (what: string) => void): void {
  const taken = names.filter((name) => CONTRACT.test(name))
  if (taken.length > 0) {
    throw new MailxError(
      'UNSAFE_CONFIGURATION',
      `a newer version has taken away from the schema ${schema} what this one needs (${taken.join(', ')}): run that version, or restore a backup from before it`,
    )
  }
  warn(
    `the schema ${schema} is of a newer version (${names.join(', ')}): this one works with it, but is not to stay`,
  )
}

/** None where the schema is not there yet. */
async function migrationsOf(pool: Pool, schema: string): Promise<ReadonlySet<string>> {
  try {
    const { rows } = await pool.query<{ name: string }>(
      `select name from ${escapeIdentifier(schema)}.migrations order by id`,
    )
    return new Set(rows.map(({ name }) => name))
  } catch (error) {
    if (isMissing(error)) return new Set()
    throw isNotAllowed(error) ? notPrepared(schema, error) : error
  }
}

/** The tables of the log itself. */
export const logMigrations: Migrations = {
  schema: 'log',
  dir: new URL('../migrations/', import.meta.url),
}
