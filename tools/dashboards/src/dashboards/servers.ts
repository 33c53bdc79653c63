import { type Dashboard, DEPLOYMENT, quantile, series, sumRate } from '../dashboard.ts'

/** Utilization, saturation and errors of Postgres, NATS and Redis, as the services see them. */
export const servers: Dashboard = {
  id: 'servers',
  title: 'MailX / Postgres, NATS, Redis',
  rows: [
    {
      title: 'Postgres',
      panels: [
        {
          title: 'Connections',
          about: 'Utilization: of those that the server allows.',
          unit: 'percentunit',
          redFrom: 0.8,
          queries: [
            {
              expr: `max(${series('mailx_postgres_connections')}) / max(${series('mailx_postgres_max_connections')})`,
              legend: 'in use',
            },
          ],
        },
        {
          title: 'Queries that wait for a connection',
          about:
            'Saturation: more than zero for long asks for DATABASE_CONNECTIONS or a faster server.',
          unit: 'short',
          redFrom: 10,
          queries: [
            {
              expr: `sum by (service) (${series('mailx_postgres_pool_waiting')})`,
              legend: '{{service}}',
            },
          ],
        },
        {
          title: 'COMMIT (log appends)',
          about: 'From sending a group commit to knowing that it is durable.',
          unit: 's',
          redFrom: 0.05,
          queries: [
            { expr: quantile(0.5, 'mailx_log_commit_seconds'), legend: 'p50' },
            { expr: quantile(0.99, 'mailx_log_commit_seconds'), legend: 'p99' },
          ],
        },
        {
          title: 'Transactions',
          about: 'By how they ended.',
          unit: 'ops',
          queries: [
            {
              expr: `max by (outcome) (rate(${series('mailx_postgres_transactions_total')}[5m]))`,
              legend: '{{outcome}}',
            },
          ],
        },
        {
          title: 'Blocks from memory',
          about: 'Below 99 %: the working set does not fit into shared_buffers.',
          unit: 'percentunit',
          redBelow: 0.9,
          queries: [
            {
              expr: `max(rate(${series('mailx_postgres_blocks_total', 'source="cache"')}[5m])) / (max(rate(${series('mailx_postgres_blocks_total', 'source="cache"')}[5m])) + max(rate(${series('mailx_postgres_blocks_total', 'source="disk"')}[5m])))`,
              legend: 'from memory',
            },
          ],
        },
        {
          title: 'Oldest transaction, replica lag',
          about: 'A transaction that is open for minutes holds back VACUUM.',
          unit: 's',
          redFrom: 300,
          queries: [
            {
              expr: `max(${series('mailx_postgres_oldest_transaction_seconds')})`,
              legend: 'oldest transaction',
            },
          ],
        },
        {
          title: 'Refused appends',
          about:
            'Errors: by code. CONFLICT is normal, STORAGE_FULL never. And transactions of several partitions that were split up: held and moved are normal where replicas append to the same partitions.',
          unit: 'ops',
          queries: [
            { expr: sumRate('mailx_log_append_failures_total', 'code'), legend: '{{code}}' },
            {
              expr: sumRate('mailx_log_split_groups_total', 'reason'),
              legend: 'made one by one: {{reason}}',
            },
          ],
        },
        {
          title: 'Replica lag',
          about: 'WAL that the slowest replica has not replayed.',
          unit: 'bytes',
          redFrom: 64 * 1024 * 1024,
          queries: [
            { expr: `max(${series('mailx_postgres_replica_lag_bytes')})`, legend: 'slowest' },
          ],
        },
        {
          title: 'Disk',
          about: 'The database, and WAL that is kept for a replica which does not take it.',
          unit: 'bytes',
          queries: [
            { expr: `max(${series('mailx_postgres_database_bytes')})`, legend: 'database' },
            { expr: `max(${series('mailx_postgres_wal_kept_bytes')})`, legend: 'WAL kept' },
          ],
        },
        {
          title: 'Deadlocks',
          about: 'Errors: there should be none.',
          unit: 'ops',
          redFrom: 0.1,
          queries: [
            {
              expr: `max(rate(${series('mailx_postgres_deadlocks_total')}[5m]))`,
              legend: 'deadlocks',
            },
          ],
        },
      ],
    },
    {
      title: 'Connections of the services',
      panels: [
        {
          title: 'Pools',
          about: 'Connections to Postgres, by service and what they do.',
          unit: 'short',
          columns: 12,
          queries: [
            {
              expr: `sum by (service, state) (${series('mailx_postgres_pool_connections')})`,
              legend: '{{service}} {{state}}',
            },
          ],
        },
        {
          title: 'Processors that fail',
          about: 'Attempts to apply events that failed, per second.',
          unit: 'ops',
          columns: 12,
          queries: [
            {
              expr: sumRate('mailx_projection_failures_total', 'projection'),
              legend: '{{projection}}',
            },
          ],
        },
      ],
    },
    {
      title: 'NATS',
      panels: [
        {
          title: 'Streams',
          about: 'Utilization: of the bytes that each may hold. Full is normal: the oldest go.',
          unit: 'percentunit',
          queries: [
            {
              expr: `max by (stream) (${series('mailx_nats_stream_bytes')} / ${series('mailx_nats_stream_limit_bytes')})`,
              legend: '{{stream}}',
            },
          ],
        },
        {
          title: 'Committed, not on the bus',
          about: 'Saturation: events by context. They go by way of Postgres meanwhile.',
          unit: 'short',
          redFrom: 1000,
          queries: [
            {
              expr: `max by (context) (${series('mailx_bus_unpublished_events')})`,
              legend: '{{context}}',
            },
          ],
        },
        {
          title: 'Round trip',
          about: 'A ping of each process.',
          unit: 's',
          redFrom: 0.1,
          queries: [
            {
              expr: `max by (service) (${series('mailx_nats_round_trip_seconds')})`,
              legend: '{{service}}',
            },
          ],
        },
        {
          title: 'Copies that are missing',
          about: 'Errors: wanted minus current, by stream.',
          unit: 'short',
          redFrom: 1,
          queries: [
            {
              expr: `max by (stream) (${series('mailx_nats_stream_replicas', 'state="wanted"')}) - min by (stream) (${series('mailx_nats_stream_replicas', 'state="current"')})`,
              legend: '{{stream}}',
            },
          ],
        },
        {
          title: 'Failures',
          about: 'Errors: unacknowledged publishing, restarts of consumers, reconnects.',
          unit: 'ops',
          queries: [
            {
              expr: `sum(rate(${series('mailx_bus_publish_failures_total')}[5m]))`,
              legend: 'publish',
            },
            {
              expr: `sum(rate(${series('mailx_bus_consumer_restarts_total')}[5m]))`,
              legend: 'consumer',
            },
            {
              expr: `sum(rate(${series('mailx_nats_reconnects_total')}[5m]))`,
              legend: 'reconnect',
            },
          ],
        },
        {
          title: 'Held and followed',
          about: 'Messages that streams hold; consumers that follow them.',
          unit: 'short',
          columns: 12,
          queries: [
            {
              expr: `max by (stream) (${series('mailx_nats_stream_messages')})`,
              legend: '{{stream}}',
            },
            { expr: `sum(${series('mailx_nats_stream_consumers')})`, legend: 'consumers' },
          ],
        },
        {
          title: 'Published by the sweeper',
          about: 'Events that had to be read back from Postgres, per second, by context.',
          unit: 'ops',
          columns: 12,
          queries: [
            {
              expr: sumRate('mailx_bus_republished_events_total', 'context'),
              legend: '{{context}}',
            },
          ],
        },
        {
          title: 'Read from Postgres instead',
          about: 'Pages that the bus did not bring.',
          unit: 'ops',
          queries: [
            {
              expr: sumRate('mailx_projection_fallback_reads_total', 'projection'),
              legend: '{{projection}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Volumes and nodes, as the kubelet and node-exporter tell',
      panels: [
        {
          title: 'Volumes',
          about: "Of each claim in the deployment's namespace: what is in use.",
          unit: 'percentunit',
          redFrom: 0.8,
          queries: [
            {
              expr: `max by (persistentvolumeclaim) (kubelet_volume_stats_used_bytes{${DEPLOYMENT}} / kubelet_volume_stats_capacity_bytes{${DEPLOYMENT}})`,
              legend: '{{persistentvolumeclaim}}',
            },
          ],
        },
        {
          title: 'CPU and memory of nodes',
          about: 'In use, of all nodes that are watched.',
          unit: 'percentunit',
          redFrom: 0.9,
          queries: [
            {
              expr: '1 - avg by (instance) (rate(node_cpu_seconds_total{mode="idle"}[5m]))',
              legend: '{{instance}} CPU',
            },
            {
              expr: '1 - node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes',
              legend: '{{instance}} memory',
            },
          ],
        },
        {
          title: 'Disks of nodes',
          about: 'Busy: the share of the time in which a disk had something to do.',
          unit: 'percentunit',
          redFrom: 0.9,
          queries: [
            {
              expr: 'max by (instance, device) (rate(node_disk_io_time_seconds_total[5m]))',
              legend: '{{instance}} {{device}}',
            },
          ],
        },
      ],
    },
    {
      title: 'Redis',
      panels: [
        {
          title: 'Memory',
          about: 'Utilization; the limit is shown where there is one.',
          unit: 'bytes',
          queries: [
            { expr: `max(${series('mailx_redis_memory_bytes')})`, legend: 'in use' },
            { expr: `max(${series('mailx_redis_memory_limit_bytes')}) > 0`, legend: 'limit' },
          ],
        },
        {
          title: 'Saturation',
          about: 'Of the memory (above it, keys go) and of the connections that the server allows.',
          unit: 'percentunit',
          redFrom: 0.9,
          queries: [
            {
              expr: `max(${series('mailx_redis_memory_bytes')} / (${series('mailx_redis_memory_limit_bytes')} > 0))`,
              legend: 'memory',
            },
            {
              expr: `max(${series('mailx_redis_clients')} / ${series('mailx_redis_max_clients')})`,
              legend: 'connections',
            },
          ],
        },
        {
          title: 'Failures and evictions of keys',
          about: 'Errors: commands that failed, keys that were dropped.',
          unit: 'ops',
          queries: [
            { expr: `sum(rate(${series('mailx_redis_failures_total')}[5m]))`, legend: 'failed' },
            {
              expr: `max(rate(${series('mailx_redis_evicted_keys_total')}[5m]))`,
              legend: 'evicted',
            },
          ],
        },
      ],
    },
  ],
}
