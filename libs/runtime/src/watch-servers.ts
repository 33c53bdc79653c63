import type { EventLog } from '@mailx/event-log/event-log'
import { type Repetition, repeatedly } from '@mailx/messaging/repeatedly'
import type { Logger } from '@mailx/telemetry/logger'
import { counter, gauge } from '@mailx/telemetry/metrics'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Redis } from 'ioredis'
import type pg from 'pg'
import { showPostgres, showRedis, showStreams } from './server-metrics.ts'
import { type PostgresStats, postgresStats, redisStats, streamStats } from './server-stats.ts'

export type Servers = {
  readonly pool: pg.Pool
  readonly log: Pick<EventLog, 'heads'>
  readonly nats: NatsConnection
  readonly redis: Redis
  /** Whether this process is the one that watches the replicas of Postgres. */
  readonly watches: boolean
}

const LOOK_EVERY_MS = 15_000

const logEvents = gauge({
  name: 'mailx_log_events',
  help: 'Events of the log, by context.',
  labelNames: ['context'],
})
const unpublished = gauge({
  name: 'mailx_bus_unpublished_events',
  help: 'Committed events that are not known to be on the bus. Above zero for long: nobody relays.',
  labelNames: ['context'],
})
const clockOffset = gauge({
  name: 'mailx_clock_offset_seconds',
  help: "This machine's clock minus that of Postgres.",
})
const roundTrip = gauge({
  name: 'mailx_nats_round_trip_seconds',
  help: 'How long NATS takes to answer a ping.',
})
const reconnects = counter({
  name: 'mailx_nats_reconnects_total',
  help: 'How often this process got back to NATS.',
})
let pools: readonly pg.Pool[] = []
const sum = (count: (pool: pg.Pool) => number) => pools.reduce((all, pool) => all + count(pool), 0)

gauge({
  name: 'mailx_postgres_pool_connections',
  help: 'Connections of this process, by what they do.',
  labelNames: ['state'],
  collect() {
    this.set(
      { state: 'idle' },
      sum(({ idleCount }) => idleCount),
    )
    this.set(
      { state: 'busy' },
      sum(({ idleCount, totalCount }) => totalCount - idleCount),
    )
  },
})
gauge({
  name: 'mailx_postgres_pool_waiting',
  help: 'Queries that wait for a connection of this process.',
  collect() {
    this.set(sum(({ waitingCount }) => waitingCount))
  },
})

/**
 * Shows in the metrics how the servers are, as far as this process may know. One that is to see the
 * replicas of Postgres (`watches`) and may not says so, once.
 */
export function watchServers(
  { log, nats, pool, redis, watches }: Servers,
  logger: Logger,
): Repetition {
  let told = !watches
  pools = [...pools, pool]
  void countReconnects(nats)
  const look = async () => {
    const looks = [
      lookAtPostgres(pool, log).then(({ replicas, seesReplicas }) => {
        if (told || replicas === 0 || seesReplicas) return
        told = true
        logger.warn(
          { replicas },
          'may not see how far the replicas of Postgres are: let prepare-database, or a superuser, give its role pg_read_all_stats (docs/least-privilege.md)',
        )
      }),
      streamStats(nats).then(showStreams),
      nats.rtt().then((ms) => roundTrip.set(ms / 1000)),
      redisStats(redis).then(showRedis),
    ]
    // Whether they are there at all is the health check's matter, which tells the operator.
    for (const result of await Promise.allSettled(looks)) {
      if (result.status === 'rejected') onFailure(result.reason)
    }
  }
  const onFailure = (error: unknown) =>
    logger.debug({ err: error }, 'a server does not tell how it is')
  const looking = repeatedly(LOOK_EVERY_MS, look, onFailure)
  return {
    stop: () => {
      pools = pools.filter((one) => one !== pool)
      return looking.stop()
    },
  }
}

async function lookAtPostgres(pool: pg.Pool, log: Servers['log']): Promise<PostgresStats> {
  const asked = Date.now()
  const stats = await postgresStats(pool)
  // The answer was made about half way between.
  clockOffset.set(((asked + Date.now()) / 2 - stats.now) / 1000)
  showPostgres(stats)
  const contexts = Map.groupBy(await log.heads(), ({ context }) => context)
  for (const [context, heads] of contexts) {
    const events = heads.reduce((all, head) => all + head.position, 0n)
    const published = heads.reduce((all, head) => all + head.published, 0n)
    logEvents.set({ context }, Number(events))
    unpublished.set({ context }, Number(events - published))
  }
  return stats
}

async function countReconnects(nats: NatsConnection): Promise<void> {
  for await (const { type } of nats.status()) if (type === 'reconnect') reconnects.inc()
}
