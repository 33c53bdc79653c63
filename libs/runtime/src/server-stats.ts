import type { Sql } from '@mailx/event-log/sql'
import { streams } from '@mailx/messaging/streams'
import { jetstreamManager } from '@nats-io/jetstream'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Redis } from 'ioredis'

/** What Postgres says of itself. */
export type PostgresStats = {
  readonly databaseBytes: number
  readonly connections: number
  readonly maxConnections: number
  readonly committed: number
  readonly rolledBack: number
  readonly blocksCached: number
  readonly blocksRead: number
  readonly deadlocks: number
  readonly oldestTransactionSeconds: number
  readonly replicas: number
  /** Whether this role may see how far they are: it uses pg_read_all_stats. */
  readonly seesReplicas: boolean
  /** Of the replica that is farthest behind; undefined without one, or without the right to know. */
  readonly replicaLagBytes: number | undefined
  /** Of the replication slot that is farthest behind; 0 without one. */
  readonly walKeptBytes: number
  readonly eventsBytes: number
  readonly blobsBytes: number
  /** Milliseconds since 1970 by the server's clock. */
  readonly now: number
}

const postgres = {
  name: 'runtime.server-stats',
  // The tables by the catalogue: their names may be used by those roles alone that may enter the schema.
  text: `
  with tables as (
    select c.oid, n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
  )
  select pg_database_size(d.datname)::float8 as "databaseBytes",
         (select count(*) from pg_stat_activity)::float8 as connections,
         current_setting('max_connections')::float8 as "maxConnections",
         d.xact_commit::float8 as committed, d.xact_rollback::float8 as "rolledBack",
         d.blks_hit::float8 as "blocksCached", d.blks_read::float8 as "blocksRead",
         d.deadlocks::float8 as deadlocks,
         (select coalesce(extract(epoch from max(clock_timestamp() - xact_start)), 0)::float8
            from pg_stat_activity where datname = d.datname) as "oldestTransactionSeconds",
         (select max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn))::float8
            from pg_stat_replication where not pg_is_in_recovery()) as "replicaLagBytes",
         (select coalesce(max(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn)), 0)::float8
            from pg_replication_slots where not pg_is_in_recovery()) as "walKeptBytes",
         (select count(*) from pg_stat_replication)::float8 as replicas,
         pg_has_role('pg_read_all_stats', 'USAGE') as "seesReplicas",
         (select coalesce(sum(pg_total_relation_size(oid)), 0)::float8 from tables
            where nspname = 'log' and relname = 'events') as "eventsBytes",
         (select coalesce(sum(pg_total_relation_size(oid)), 0)::float8 from tables
            where nspname = 'mail' and relname = 'blobs') as "blobsBytes",
         (extract(epoch from clock_timestamp()) * 1000)::float8 as now
    from pg_stat_database d where d.datname = current_database()`,
}

export async function postgresStats(sql: Sql): Promise<PostgresStats> {
  const { rows } = await sql.query<PostgresStats>(postgres)
  const [stats] = rows
  if (stats === undefined) throw new Error('Postgres has no statistics of this database')
  return { ...stats, replicaLagBytes: stats.replicaLagBytes ?? undefined }
}

export type StreamStats = {
  readonly name: string
  readonly messages: number
  readonly bytes: number
  readonly limitBytes: number
  readonly consumers: number
  readonly replicas: number
  /** Of the replicas, those that are online and have everything. */
  readonly current: number
}

const ANSWER_TIMEOUT_MS = 2_000

/** Of each stream of MailX that this connection may ask about. */
export async function streamStats(nats: NatsConnection): Promise<StreamStats[]> {
  const manager = await jetstreamManager(nats, { checkAPI: false, timeout: ANSWER_TIMEOUT_MS })
  const found = await Promise.allSettled(streams.map(({ name }) => manager.streams.info(name)))
  return found.flatMap((result) => {
    if (result.status === 'rejected') return []
    const { cluster, config, state } = result.value
    const others = cluster?.replicas ?? []
    const leader = cluster === undefined || cluster.leader !== undefined ? 1 : 0
    return [
      {
        name: config.name,
        messages: state.messages,
        bytes: state.bytes,
        limitBytes: Math.max(0, config.max_bytes),
        consumers: state.consumer_count,
        replicas: config.num_replicas,
        current: leader + others.filter(({ current, offline }) => current && !offline).length,
      },
    ]
  })
}

export type RedisStats = {
  readonly clients: number
  readonly maxClients: number
  readonly memoryBytes: number
  /** 0: no limit. */
  readonly memoryLimitBytes: number
  readonly evictedKeys: number
}

export async function redisStats(redis: Redis): Promise<RedisStats> {
  const info = await redis.info()
  const number = (field: string) => Number(new RegExp(`^${field}:(\\d+)`, 'm').exec(info)?.[1] ?? 0)
  return {
    clients: number('connected_clients'),
    maxClients: number('maxclients'),
    memoryBytes: number('used_memory'),
    memoryLimitBytes: number('maxmemory'),
    evictedKeys: number('evicted_keys'),
  }
}
