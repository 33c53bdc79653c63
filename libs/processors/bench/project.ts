// From append to a row in a read model, over the bus, as JSON: node libs/processors/bench/project.ts
// Appender and projection have an event log each, as two services would. It starts its own servers.
import { randomBytes } from 'node:crypto'
import { startNats } from '@mailx/backends/start-nats'
import { startPostgres } from '@mailx/backends/start-postgres'
import type { Keys } from '@mailx/crypto/current-keys'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import { logMigrations, migrate } from '@mailx/event-log/migrate'
import { openEventLog } from '@mailx/event-log/open-log'
import { connectNats } from '@mailx/messaging/connect'
import { startRelay } from '@mailx/messaging/relay'
import type { Projection } from '@mailx/processors/projection'
import { runProjections } from '@mailx/processors/run-projections'

const SECONDS = Number(process.env.BENCH_SECONDS ?? 4)
const PARTITIONS = Number(process.env.BENCH_PARTITIONS ?? 2)
const RATES = [1000, 3000, 6000]

const bytes = { encode: (m: Uint8Array) => ({ finish: () => m }), decode: (m: Uint8Array) => m }
const visible = new Map<string, (at: number) => void>()

const messages: Projection<{ Accepted: typeof bytes }> = {
  name: 'bench.messages',
  contexts: ['submission'],
  events: { Accepted: bytes },
  tables: ['bench.messages'],
  async apply(sql, events) {
    await sql.query(
      'insert into bench.messages select * from unnest($1::text[], $2::text[], $3::bigint[]) on conflict do nothing',
      [
        events.map(({ stream }) => stream),
        events.map(({ partition }) => partition),
        events.map(({ position }) => position.toString()),
      ],
    )
  },
  afterCommit(events) {
    const now = performance.now()
    for (const { stream } of events) visible.get(stream)?.(now)
  },
}

const [postgres, server] = await Promise.all([
  startPostgres({ own: true, say: () => {} }),
  startNats({ own: true, say: () => {} }),
])
const pool = await connectPostgres({ url: postgres.url, applicationName: 'bench', max: 20 })
await migrate(pool, logMigrations)
await pool.query(`create schema bench;
  create table bench.messages (id text primary key, partition text, position bigint)`)
const nats = await connectNats({ url: server.url, name: 'bench' })
const keys: Keys = [randomBytes(32)]
const busKeys = () => keys
const writing = await openEventLog({ pool, partitions: PARTITIONS })
const reading = await openEventLog({ pool, partitions: PARTITIONS })
const relay = startRelay({ pool, log: writing, nats, busKeys })
const runner = await runProjections({
  pool,
  log: reading,
  nats,
  busKeys,
  schema: 'bench',
  service: 'bench',
  projections: [messages],
})
const results = []
for (const rate of RATES) results.push(await measure(rate))
console.log(JSON.stringify({ seconds: SECONDS, partitions: PARTITIONS, results }))
await runner.stop()
await relay.stop()
await writing.close()
await nats.close()
await pool.end()
await server.stop()
await postgres.stop()

function percentile(times: readonly number[], share: number): number {
  return Number(
    (times.toSorted((a, b) => a - b)[Math.floor(share * (times.length - 1))] ?? 0).toFixed(1),
  )
}

async function measure(rate: number) {
  const appended: number[] = []
  const seen: number[] = []
  const pending: Promise<void>[] = []
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  let started = 0
  while (performance.now() - startedAt < SECONDS * 1000) {
    const due = ((performance.now() - startedAt) * rate) / 1000
    for (; started < due; started += 1) pending.push(one(appended, seen))
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
  await Promise.all(pending)
  const { user, system } = process.cpuUsage(cpu)
  return {
    rate,
    done: Math.round((started / (performance.now() - startedAt)) * 1000),
    appendP50Ms: percentile(appended, 0.5),
    appendP99Ms: percentile(appended, 0.99),
    visibleP50Ms: percentile(seen, 0.5),
    visibleP99Ms: percentile(seen, 0.99),
    nodeCpuMicrosPerEvent: Math.round((user + system) / started),
  }
}

async function one(appended: number[], seen: number[]): Promise<void> {
  const id = randomBytes(16).toString('hex')
  const start = performance.now()
  const { promise, resolve } = Promise.withResolvers<number>()
  visible.set(id, resolve)
  await writing.append({
    context: 'submission',
    key: id.slice(0, 3),
    stream: id,
    expectedVersion: 0,
    events: [{ type: 'Accepted', data: randomBytes(300) }],
    blobs: [{ hash: randomBytes(32), data: randomBytes(2048) }],
  })
  appended.push(performance.now() - start)
  seen.push((await promise) - start)
  visible.delete(id)
}
