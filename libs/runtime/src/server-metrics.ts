import { counter, gauge } from '@mailx/telemetry/metrics'
import type { PostgresStats, RedisStats, StreamStats } from './server-stats.ts'

const postgres = {
  database: gauge({ name: 'mailx_postgres_database_bytes', help: 'Size of the database.' }),
  connections: gauge({ name: 'mailx_postgres_connections', help: 'Connections of everybody.' }),
  max: gauge({ name: 'mailx_postgres_max_connections', help: 'How many the server allows.' }),
  oldest: gauge({
    name: 'mailx_postgres_oldest_transaction_seconds',
    help: 'Age of the oldest open transaction that this role may see.',
  }),
  replicaLag: gauge({
    name: 'mailx_postgres_replica_lag_bytes',
    help: 'WAL that the slowest replica has not replayed; no sample without replicas or rights.',
    labelNames: ['server'],
  }),
  walKept: gauge({
    name: 'mailx_postgres_wal_kept_bytes',
    help: 'WAL that the server keeps because a replication slot has not taken it; it fills the disk.',
  }),
  relations: gauge({
    name: 'mailx_postgres_relation_bytes',
    help: 'Size of the two tables that grow with mail, with their indexes.',
    labelNames: ['relation'],
  }),
  transactions: counter({
    name: 'mailx_postgres_transactions_total',
    help: 'Transactions of the database, by how they ended.',
    labelNames: ['outcome'],
  }),
  blocks: counter({
    name: 'mailx_postgres_blocks_total',
    help: 'Blocks that queries needed, by where they were.',
    labelNames: ['source'],
  }),
  deadlocks: counter({ name: 'mailx_postgres_deadlocks_total', help: 'Deadlocks.' }),
}

export function showPostgres(stats: PostgresStats): void {
  postgres.database.set(stats.databaseBytes)
  postgres.connections.set(stats.connections)
  postgres.max.set(stats.maxConnections)
  postgres.oldest.set(stats.oldestTransactionSeconds)
  postgres.replicaLag.reset()
  if (stats.replicaLagBytes !== undefined) {
    postgres.replicaLag.set({ server: 'slowest' }, stats.replicaLagBytes)
  }
  postgres.walKept.set(stats.walKeptBytes)
  postgres.relations.set({ relation: 'events' }, stats.eventsBytes)
  postgres.relations.set({ relation: 'blobs' }, stats.blobsBytes)
  // The server counts; these follow.
  for (const total of [postgres.transactions, postgres.blocks, postgres.deadlocks]) total.reset()
  postgres.transactions.inc({ outcome: 'committed' }, stats.committed)
  postgres.transactions.inc({ outcome: 'rolled_back' }, stats.rolledBack)
  postgres.blocks.inc({ source: 'cache' }, stats.blocksCached)
  postgres.blocks.inc({ source: 'disk' }, stats.blocksRead)
  postgres.deadlocks.inc(stats.deadlocks)
}

const perStream = { labelNames: ['stream'] as const }
const nats = {
  messages: gauge({ name: 'mailx_nats_stream_messages', help: 'Messages held.', ...perStream }),
  bytes: gauge({ name: 'mailx_nats_stream_bytes', help: 'Bytes held.', ...perStream }),
  limit: gauge({ name: 'mailx_nats_stream_limit_bytes', help: 'Bytes allowed.', ...perStream }),
  consumers: gauge({ name: 'mailx_nats_stream_consumers', help: 'Consumers.', ...perStream }),
  replicas: gauge({
    name: 'mailx_nats_stream_replicas',
    help: 'Copies of the stream: wanted, and current (online and complete).',
    labelNames: ['stream', 'state'],
  }),
}

export function showStreams(streams: readonly StreamStats[]): void {
  for (const { bytes, consumers, current, limitBytes, messages, name, replicas } of streams) {
    const labels = { stream: name }
    nats.messages.set(labels, messages)
    nats.bytes.set(labels, bytes)
    nats.limit.set(labels, limitBytes)
    nats.consumers.set(labels, consumers)
    nats.replicas.set({ ...labels, state: 'wanted' }, replicas)
    nats.replicas.set({ ...labels, state: 'current' }, current)
  }
}

const redis = {
  clients: gauge({ name: 'mailx_redis_clients', help: 'Connections of everybody.' }),
  maxClients: gauge({ name: 'mailx_redis_max_clients', help: 'Connections allowed.' }),
  memory: gauge({ name: 'mailx_redis_memory_bytes', help: 'Memory in use.' }),
  limit: gauge({ name: 'mailx_redis_memory_limit_bytes', help: 'Memory allowed; 0: no limit.' }),
  evicted: counter({
    name: 'mailx_redis_evicted_keys_total',
    help: 'Keys dropped because the memory was full.',
  }),
}

export function showRedis(stats: RedisStats): void {
  redis.clients.set(stats.clients)
  redis.maxClients.set(stats.maxClients)
  redis.memory.set(stats.memoryBytes)
  redis.limit.set(stats.memoryLimitBytes)
  redis.evicted.reset()
  redis.evicted.inc(stats.evictedKeys)
}
