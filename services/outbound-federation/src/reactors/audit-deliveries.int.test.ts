import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { migrate } from '@mailx/event-log/migrate'
import { registry } from '@mailx/telemetry/metrics'
import { eventually } from '@mailx/testing/eventually'
import { testPostgres } from '@mailx/testing/test-postgres'
import type { Pool } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { outboundMigrations } from '../service.ts'
import { auditDeliveries } from './audit-deliveries.ts'

const HOUR_MS = 60 * 60 * 1000
const now = 1_000_000 * HOUR_MS

let pool: Pool
let audit: ReturnType<typeof auditDeliveries>

beforeAll(async () => {
  const { url } = await testPostgres()
  pool = await connectPostgres({ url, applicationName: 'test' })
  await migrate(pool, outboundMigrations)
  audit = auditDeliveries({
    sql: pool,
    now: () => now,
    bounceAfterMs: 24 * HOUR_MS,
    everyMs: 20,
    onFailure: (error) => {
      throw error
    },
  })
})
afterAll(async () => {
  await audit.stop()
  await pool.end()
})

/** As many deliveries of a lane, one after the other. */
const deliveries = (peer: string, count: number, acceptedAt: number, expiresAt = 0) =>
  pool.query(
    `insert into outbound.deliveries
       select 'a.test', $1, 'submission-0', i, 0, int8send(i), 'alice@a.test', 'bob@' || $1,
              $3, $3, $4, '', 0, '', 0, '', '' from generate_series(1::bigint, $2::bigint) i`,
    [peer, count, acceptedAt, expiresAt],
  )

const decide = (peer: string, upTo: number) =>
  pool.query(
    `insert into outbound.outcomes
       select int8send(i), 'alice@a.test', 'bob@' || $1, 'delivered', '', false, 1
         from generate_series(1::bigint, $2::bigint) i`,
    [peer, upTo],
  )

const shown = async (): Promise<number | undefined> => {
  const metric = await registry.getSingleMetric('mailx_overdue_deliveries')?.get()
  return metric?.values[0]?.value
}

test('what is decided, and what has time, is no matter; what outlived its time is counted', async () => {
  await eventually(async () => expect(await shown()).toBe(0))
  // More than a page, all decided but the last three; of these none is an hour past its time.
  await deliveries('b.test', 6_003, now - 30 * HOUR_MS, now - HOUR_MS / 2)
  await decide('b.test', 6_000)
  await deliveries('c.test', 1, now - 24.5 * HOUR_MS)
  await eventually(async () => expect(await shown()).toBe(0))
  await deliveries('d.test', 2, now - 25.5 * HOUR_MS)
  await eventually(async () => expect(await shown()).toBe(2))
  await pool.query('update outbound.deliveries set expires_at = $1 where peer = $2', [
    now - 2 * HOUR_MS,
    'b.test',
  ])
  await eventually(async () => expect(await shown()).toBe(5))
  await decide('d.test', 2)
  await eventually(async () => expect(await shown()).toBe(3))
})
