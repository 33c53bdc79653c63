import { counter, histogram } from '@mailx/telemetry/metrics'

const labelNames = ['context'] as const

export const appendBatchSize = histogram({
  name: 'mailx_log_append_batch_size',
  help: 'Events that one group commit carried',
  labelNames,
  buckets: [1, 2, 5, 10, 20, 50, 100, 200, 500],
})

export const commitSeconds = histogram({
  name: 'mailx_log_commit_seconds',
  help: 'From sending a group commit to Postgres to knowing that it is durable',
  labelNames,
  buckets: [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1, 5],
})

export const appendFailures = counter({
  name: 'mailx_log_append_failures_total',
  help: 'Appends that were refused, by error code',
  labelNames: ['context', 'code'] as const,
})

export const splitGroups = counter({
  name: 'mailx_log_split_groups_total',
  help: 'Group commits of several partitions that were made one by one after all, by reason',
  labelNames: ['reason'] as const,
})
