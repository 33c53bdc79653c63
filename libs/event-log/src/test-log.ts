import { testPostgres } from '@mailx/testing/test-postgres'
import type { Pool } from 'pg'
import { connectPostgres } from './connect-postgres.ts'
import type { AppendRequest, EventLog } from './event-log.ts'
import { logMigrations, migrate } from './migrate.ts'
import { type EventLogOptions, openEventLog } from './open-log.ts'

export type TestLog = {
  readonly url: string
  readonly pool: Pool
  readonly log: EventLog
  /** The same log as another process would open it: by its own connections, perhaps by a proxy. */
  openAnother(options?: Partial<EventLogOptions> & { url?: string }): Promise<EventLog>
  /** Closes all of it and removes the database. */
  drop(): Promise<void>
}

/** A log on a database of its own, for integration tests. */
export async function testLog(options: Partial<EventLogOptions> = {}): Promise<TestLog> {
  const { url, drop } = await testPostgres()
  const closing: (() => Promise<void>)[] = []
  const connect = async (to: string) => {
    const pool = await connectPostgres({ url: to, applicationName: 'test' })
    closing.push(() => pool.end())
    return pool
  }
  const open = async (pool: Pool, more: Partial<EventLogOptions>) => {
    const log = await openEventLog({ partitions: 2, ...options, ...more, pool })
    closing.push(log.close)
    return log
  }
  const pool = await connect(url)
  await migrate(pool, logMigrations)
  return {
    url,
    pool,
    log: await open(pool, {}),
    openAnother: async ({ url: by = url, ...more } = {}) => open(await connect(by), more),
    async drop() {
      for (const close of closing.toReversed()) await close()
      await drop()
    },
  }
}

/** An append of one event, in all parts that a test does not care about. */
export const appendRequest = (request: Partial<AppendRequest> = {}): AppendRequest => ({
  context: 'submission',
  key: 'alice@a.test',
  stream: 'stream',
  expectedVersion: 0,
  events: [{ type: 'Happened', data: new Uint8Array([1, 2, 3]) }],
  ...request,
})
