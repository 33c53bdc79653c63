import type { Backend } from '@mailx/backends/backend'
import { startPostgres } from '@mailx/backends/start-postgres'
import { eventually } from '@mailx/testing/eventually'
import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { connectPostgres } from './connect-postgres.ts'
import type { EventLog } from './event-log.ts'
import { logMigrations, migrate } from './migrate.ts'
import { openEventLog } from './open-log.ts'
import { appendRequest } from './test-log.ts'
import { verifyLog } from './verify-log.ts'

let server: Backend
let pool: Pool
let log: EventLog

beforeAll(async () => {
  server = await startPostgres({ own: true, say: () => {} })
  pool = await connectPostgres({ url: server.url, applicationName: 'test' })
  await migrate(pool, logMigrations)
  log = await openEventLog({ pool, partitions: 1, doubtMs: 200 })
})
afterAll(async () => {
  await log.close()
  await pool.end()
  await server.stop()
})

test('Postgres is killed under load: nothing acknowledged is lost, and it goes on by itself', async () => {
  const acknowledged: string[] = []
  const refusals: string[] = []
  const stop = new AbortController()
  const appenders = Array.from({ length: 8 }, async (_, appender) => {
    for (let i = 0; !stop.signal.aborted; i += 1) {
      const stream = `${appender}-${i}`
      try {
        await log.append(appendRequest({ stream }))
        acknowledged.push(stream)
      } catch (error) {
        refusals.push((error as { code: string }).code)
      }
    }
  })
  await eventually(() => acknowledged.length > 50)
  await server.kill()
  await eventually(() => refusals.length > 0)
  const before = acknowledged.length
  await server.restart()
  await eventually(() => acknowledged.length > before + 50)
  stop.abort()
  await Promise.all(appenders)

  expect(new Set(refusals)).toEqual(new Set(['UNAVAILABLE']))
  expect(await verifyLog(log, 'submission-0')).toMatchObject({ sound: true })
  const { rows } = await pool.query<{ stream: string }>('select stream from log.events')
  const stored = new Set(rows.map(({ stream }) => stream))
  expect(acknowledged.filter((stream) => !stored.has(stream))).toEqual([])
})
