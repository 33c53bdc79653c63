// What it costs storage to take submissions into mailboxes, as JSON:
//   node services/storage/bench/project-submissions.ts
// It starts a Postgres and a NATS of its own, fills the log first, and then lets the service catch up.
import { startNats } from '@mailx/backends/start-nats'
import { startPostgres } from '@mailx/backends/start-postgres'
import { readConfig } from '@mailx/config/read-config'
import { randomBytes } from '@mailx/crypto/random'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { logMigrations, migrate } from '@mailx/event-log/migrate'
import { openEventLog } from '@mailx/event-log/open-log'
import { plainGrpc } from '@mailx/grpc/internal-grpc'
import { connectNats } from '@mailx/messaging/connect'
import { Route } from '@mailx/proto/submission/v1/events'
import { createLogger } from '@mailx/telemetry/logger'
import { StorageConfig } from '../src/config.ts'
import { startStorage } from '../src/service.ts'
import { submit } from '../src/testing/sample-events.ts'

const MESSAGES = Number(process.env.BENCH_MESSAGES ?? 40_000)
const MAILBOXES = Number(process.env.BENCH_MAILBOXES ?? 1_000)
const SENDERS = 200
const CONTENT_BYTES = 2048

const [postgres, server] = await Promise.all([
  startPostgres({ own: true, say: () => {} }),
  startNats({ own: true, say: () => {} }),
])
const pool = await connectPostgres({ url: postgres.url, applicationName: 'bench', max: 20 })
await migrate(pool, logMigrations)
const log = await openEventLog({ pool, partitions: 2 })
const nats = await connectNats({ url: server.url, name: 'bench' })

for (let first = 0; first < MESSAGES; first += 500) {
  await Promise.all(
    Array.from({ length: 500 }, (_, n) =>
      submit(log, {
        from: `sender${(first + n) % SENDERS}@a.test`,
        to: { [`user${(first + n) % MAILBOXES}@a.test`]: Route.LOCAL },
        content: randomBytes(CONTENT_BYTES),
      }),
    ),
  )
}

const config = readConfig(StorageConfig, {
  DATABASE_URL: postgres.url,
  NATS_URL: server.url,
  REDIS_URL: 'redis://127.0.0.1:1',
  BUS_KEY: Buffer.from(randomBytes(32)).toString('base64'),
  STORAGE_ADDRESS: '127.0.0.1:0',
  NODE_ENV: 'test',
})
const logger = createLogger({ service: 'storage', level: 'error' })
const unused = undefined as never
const cpu = process.cpuUsage()
const startedAt = performance.now()
const service = await startStorage({
  pool,
  log,
  nats,
  relay: unused,
  redis: unused,
  config,
  now: Date.now,
  internal: plainGrpc,
  random: randomBytes,
  logger,
})
const entries = `select
  (select coalesce(min(position), 0) from storage.checkpoints where projection = 'storage.submitted') > 0
  and not exists (
    select from log.partitions p
      join storage.checkpoints c on c.partition = p.name
      where p.context = 'submission' and c.position < p.head) as done`
for (;;) {
  const { rows } = await pool.query<{ done: boolean }>(entries)
  if (rows[0]?.done) break
  await new Promise((resolve) => setTimeout(resolve, 20))
}
const seconds = (performance.now() - startedAt) / 1000
const { user, system } = process.cpuUsage(cpu)
console.log(
  JSON.stringify({
    messages: MESSAGES,
    mailboxes: MAILBOXES,
    messagesPerSecond: Math.round(MESSAGES / seconds),
    microsPerMessage: Math.round((seconds * 1e6) / MESSAGES),
    nodeCpuMicrosPerMessage: Math.round((user + system) / MESSAGES),
  }),
)
await service.stop()
await log.close()
await nats.close()
await pool.end()
await server.stop()
await postgres.stop()
