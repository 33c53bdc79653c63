import { randomBytes } from 'node:crypto'
import { createDatabase, dropDatabase } from '@mailx/backends/create-database'
import { Pool } from 'pg'
import { testServers } from './test-servers.ts'

export type TestPostgres = {
  readonly url: string
  /** Connects when it is first used. */
  readonly pool: Pool
  /** Ends the pool and removes the database; other connections to it are cut. */
  drop(): Promise<void>
}

/** An empty database of its own on the durable Postgres of the run. */
export async function testPostgres(): Promise<TestPostgres> {
  const { postgresUrl } = testServers()
  const name = `test_${randomBytes(8).toString('hex')}`
  const url = await createDatabase(postgresUrl, name)
  const pool = new Pool({ connectionString: url, max: 5, application_name: 'test' })
  // A test may cut connections; a query on one of them still fails where it is awaited.
  pool.on('error', () => {})
  return {
    url,
    pool,
    async drop() {
      await pool.end()
      await dropDatabase(postgresUrl, name)
    },
  }
}
