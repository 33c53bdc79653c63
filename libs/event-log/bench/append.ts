// Events a second that concurrent appenders get into the log, each event with a 2 KiB blob, as JSON:
//   DATABASE_URL=postgres://… node libs/event-log/bench/append.ts
// Without DATABASE_URL it starts a Postgres of its own. The database is filled and left behind.
import { randomBytes } from 'node:crypto'
import { createDatabase } from '@mailx/backends/create-database'
import { startPostgres } from '@mailx/backends/start-postgres'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import type { EventLog } from '@mailx/event-log/event-log'
import { logMigrations, migrate } from '@mailx/event-log/migrate'
import { openEventLog } from '@mailx/event-log/open-log'

const SECONDS = Number(process.env.BENCH_SECONDS ?? 4)
const EVENT_BYTES = 300
const BLOB_BYTES = 2048

type Result = {
  readonly partitions: number
  readonly appenders: number
  readonly eventsPerSecond: number
  readonly eventsPerBatch: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly nodeCpuMicrosPerEvent: number
}

const server = process.env.DATABASE_URL ? undefined : await startPostgres({ say: () => {} })
const serverUrl = process.env.DATABASE_URL ?? (server as { url: string }).url
const results: Result[] = []
for (const partitions of [1, 8]) {
  const url = await createDatabase(serverUrl, `bench_${randomBytes(6).toString('hex')}`)
  const pool = await connectPostgres({ url, applicationName: 'bench', max: 10 })
  await migrate(pool, logMigrations)
  const log = await openEventLog({ pool, partitions })
  for (const appenders of [64, 512]) results.push(await measure(log, partitions, appenders))
  await log.close()
  await pool.end()
}
await server?.stop()
console.log(
  JSON.stringify({ seconds: SECONDS, eventBytes: EVENT_BYTES, blobBytes: BLOB_BYTES, results }),
)

async function measure(log: EventLog, partitions: number, appenders: number): Promise<Result> {
  let batches = 0
  let measuring = false
  const latencies: number[] = []
  const unsubscribe = log.onCommitted(() => {
    if (measuring) batches += 1
  })
  const warmUntil = performance.now() + 1000
  const until = warmUntil + SECONDS * 1000
  let cpu = process.cpuUsage()
  const started = setTimeout(() => {
    measuring = true
    cpu = process.cpuUsage()
  }, 1000)
  await Promise.all(
    Array.from({ length: appenders }, async () => {
      for (let now = performance.now(); now < until; ) {
        await log.append(request())
        const after = performance.now()
        if (measuring) latencies.push(after - now)
        now = after
      }
    }),
  )
  clearTimeout(started)
  unsubscribe()
  const { user, system } = process.cpuUsage(cpu)
  const sorted = latencies.toSorted((a, b) => a - b)
  const at = (share: number) =>
    Number((sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(2))
  return {
    partitions,
    appenders,
    eventsPerSecond: Math.round(latencies.length / SECONDS),
    eventsPerBatch: Number((latencies.length / batches).toFixed(1)),
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    nodeCpuMicrosPerEvent: Math.round((user + system) / latencies.length),
  }
}

function request() {
  const id = randomBytes(16).toString('hex')
  return {
    context: 'submission',
    key: `user${id.slice(0, 3)}@a.test`,
    stream: `submission/${id}/user${id.slice(0, 3)}@a.test`,
    expectedVersion: 0,
    events: [{ type: 'MessageAccepted', data: randomBytes(EVENT_BYTES) }],
    blobs: [{ hash: randomBytes(32), data: randomBytes(BLOB_BYTES) }],
  }
}
