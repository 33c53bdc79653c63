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

/**
 * Runs what has not run yet, forward only, all of it or nothing. Processes that start at the same
 * time wait for each other. UNAVAILABLE when there is something to run and the pool's role may not:
 * until the owner has done it.
 */
export async function migrate(pool: Pool, { schema, dir }: Migrations): Promise<void> {
  const path = dir instanceof URL ? fileURLToPath(dir) : dir
  if (await isComplete(pool, schema, path)) return
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

async function isComplete(pool: Pool, schema: string, path: string): Promise<boolean> {
  const wanted = (await readdir(path)).filter((name) => name.endsWith('.sql'))
  try {
    const { rows } = await pool.query<{ name: string }>(
      `select name from ${escapeIdentifier(schema)}.migrations`,
    )
    const done = new Set(rows.map(({ name }) => name))
    return wanted.every((name) => done.has(name.replace(/\.sql$/, '')))
  } catch (error) {
    if (isMissing(error)) return false
    throw isNotAllowed(error) ? notPrepared(schema, error) : error
  }
}

/** The tables of the log itself. */
export const logMigrations: Migrations = {
  schema: 'log',
  dir: new URL('../migrations/', import.meta.url),
}
