import { fileURLToPath } from 'node:url'
import { runner } from 'node-pg-migrate'
import { Client, type Pool } from 'pg'

export type Migrations = {
  /** The schema that the migrations create and fill; it also remembers which have run. */
  readonly schema: string
  readonly dir: URL | string
}

const quiet = { debug() {}, info() {}, warn: console.warn, error: console.error }

/**
 * Runs what has not run yet, forward only, all of it or nothing. Processes that start at the same
 * time wait for each other.
 */
export async function migrate(pool: Pool, { schema, dir }: Migrations): Promise<void> {
  const client = new Client(pool.options)
  await client.connect()
  try {
    await runner({
      dbClient: client,
      dir: dir instanceof URL ? fileURLToPath(dir) : dir,
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

/** The tables of the log itself. */
export const logMigrations: Migrations = {
  schema: 'log',
  dir: new URL('../migrations/', import.meta.url),
}
