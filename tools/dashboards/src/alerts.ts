import { burnRateRules } from './burn-rate.ts'
import { objectives } from './objectives.ts'
import type { Rule } from './rule.ts'

const HOUR = 60 * 60
const GiB = 1024 ** 3

const causes: readonly Rule[] = [
  {
    alert: 'MailxNotReady',
    severity: 'page',
    runbook: 'not-ready',
    summary: '{{ $labels.service }} at {{ $labels.instance }} has not been ready for five minutes.',
    expr: 'mailx_ready == 0',
    for: '5m',
  },
  {
    alert: 'MailxPostgresDown',
    severity: 'page',
    runbook: 'postgres-down',
    summary: '{{ $labels.service }} does not reach Postgres: nothing can be accepted.',
    expr: 'mailx_backend_up{backend="postgres"} == 0',
    for: '1m',
  },
  {
    alert: 'MailxNatsDown',
    severity: 'page',
    runbook: 'nats-down',
    summary: '{{ $labels.service }} does not reach NATS: mail goes slowly, by way of Postgres.',
    expr: 'mailx_backend_up{backend="nats"} == 0',
    for: '2m',
  },
  {
    alert: 'MailxNatsCopiesMissing',
    severity: 'ticket',
    runbook: 'nats-down',
    summary: 'The stream {{ $labels.stream }} lacks copies.',
    expr: 'max by (namespace, stream) (mailx_nats_stream_replicas{state="wanted"}) > min by (namespace, stream) (mailx_nats_stream_replicas{state="current"})',
    for: '10m',
  },
  {
    alert: 'MailxRedisDown',
    severity: 'ticket',
    runbook: 'redis-down',
    summary:
      '{{ $labels.service }} does not reach Redis: limits are counted by each process alone.',
    expr: 'mailx_backend_up{backend="redis"} == 0',
    for: '5m',
  },
  {
    alert: 'MailxDiskFull',
    severity: 'page',
    runbook: 'disk-full',
    summary: 'Postgres refuses appends because its disk is full.',
    expr: 'sum by (namespace) (increase(mailx_log_append_failures_total{code="STORAGE_FULL"}[5m])) > 0',
  },
  {
    alert: 'MailxWalKept',
    severity: 'ticket',
    runbook: 'disk-filling',
    summary:
      'Postgres keeps {{ $value | humanize1024 }}B of WAL for a replica that does not take it.',
    expr: `max by (namespace) (mailx_postgres_wal_kept_bytes) > ${4 * GiB}`,
    for: '10m',
  },
  {
    alert: 'MailxBusFull',
    severity: 'ticket',
    runbook: 'bus-full',
    summary: 'The stream {{ $labels.stream }} is full, and what it dropped is read from Postgres.',
    expr: 'max by (namespace, stream) (mailx_nats_stream_bytes / (mailx_nats_stream_limit_bytes > 0)) > 0.9 and on (namespace) sum by (namespace) (rate(mailx_projection_fallback_reads_total[15m])) > 0',
    for: '15m',
  },
  {
    alert: 'MailxUndecided',
    severity: 'page',
    runbook: 'undecided',
    summary:
      '{{ $value }} accepted recipients have no final state an hour after their time was over.',
    expr: 'max by (namespace) (mailx_overdue_deliveries) > 0',
  },
  {
    alert: 'MailxReplicationLag',
    severity: 'ticket',
    runbook: 'replication-lag',
    summary: 'The slowest Postgres replica is {{ $value | humanize1024 }}B behind.',
    expr: 'max by (namespace) (mailx_postgres_replica_lag_bytes) > 67108864',
    for: '10m',
  },
  {
    alert: 'MailxQueueOld',
    severity: 'page',
    runbook: 'queue-growing',
    summary: 'A delivery to {{ $labels.peer }} has waited for {{ $value | humanizeDuration }}.',
    expr: 'max by (namespace, peer) (mailx_delivery_queue_age_seconds) > 600',
    for: '5m',
  },
  {
    alert: 'MailxPeerDown',
    severity: 'ticket',
    runbook: 'peer-down',
    summary: '{{ $labels.peer }} has accepted nothing for 15 minutes, and everything fails.',
    expr: 'sum by (namespace, peer) (rate(mailx_federation_deliveries_total{outcome!="accepted"}[15m])) > 0 unless sum by (namespace, peer) (rate(mailx_federation_deliveries_total{outcome="accepted"}[15m])) > 0',
    for: '15m',
  },
  {
    alert: 'MailxParkedEvents',
    severity: 'ticket',
    runbook: 'poison-message',
    summary: '{{ $labels.projection }} went past events that it could not apply.',
    expr: 'max by (namespace, projection) (mailx_parked_events) > 0',
  },
  {
    alert: 'MailxProcessorStuck',
    severity: 'page',
    runbook: 'processor-stuck',
    summary:
      '{{ $labels.projection }} stopped: the log contradicts itself in {{ $labels.partition }}.',
    expr: 'max by (namespace, projection, partition) (mailx_projection_stuck) > 0',
  },
  {
    alert: 'MailxProjectionLag',
    severity: 'page',
    runbook: 'projection-lag',
    summary: '{{ $labels.projection }} has been behind for {{ $value | humanizeDuration }}.',
    expr: 'max by (namespace, projection) (mailx_projection_lag_seconds) > 60',
    for: '5m',
  },
  {
    alert: 'MailxUnpublished',
    severity: 'ticket',
    runbook: 'nats-down',
    summary: 'Events of {{ $labels.context }} are committed and not on the bus.',
    expr: 'min by (namespace, context) (mailx_bus_unpublished_events) > 0',
    for: '10m',
  },
  {
    alert: 'MailxForgedMessages',
    severity: 'page',
    runbook: 'forged-messages',
    summary: 'Somebody without the bus key writes to NATS.',
    expr: 'sum by (namespace) (increase(mailx_bus_refused_batches_total[15m]) or increase(mailx_gateway_forged_announcements_total[15m])) > 0',
  },
  {
    alert: 'MailxCertificateExpiring',
    severity: 'page',
    runbook: 'certificate-expiring',
    summary: 'The certificate of {{ $labels.domain }} runs out in {{ $value | humanizeDuration }}.',
    expr: `min by (namespace, domain) (mailx_certificate_expiry_timestamp_seconds) - time() < ${48 * HOUR}`,
    for: '10m',
  },
  {
    alert: 'MailxKeyExpiring',
    severity: 'page',
    runbook: 'key-expiring',
    summary:
      'The {{ $labels.use }} key of {{ $labels.domain }} runs out in {{ $value | humanizeDuration }}.',
    expr: `min by (namespace, domain, use) (mailx_operational_key_expiry_timestamp_seconds) - time() < ${48 * HOUR}`,
    for: '10m',
  },
  {
    alert: 'MailxKeyLogStale',
    severity: 'page',
    runbook: 'key-log-stale',
    summary: 'Entries of the key log have had no signed head for ten minutes.',
    expr: 'max by (namespace) (mailx_key_log_unsigned_leaves) > 0',
    for: '10m',
  },
  {
    alert: 'MailxKeyLogRefused',
    severity: 'page',
    runbook: 'split-view',
    summary: 'A key log contradicts what was signed of it; it is not signed any further.',
    expr: 'sum by (namespace) (increase(mailx_key_log_refusals_total{code="CORRUPT_LOG"}[15m])) > 0',
  },
  {
    alert: 'MailxClockWrong',
    severity: 'page',
    runbook: 'clock-wrong',
    summary: 'The clock of {{ $labels.service }} is {{ $value }} s off that of Postgres.',
    expr: 'max by (namespace, service, instance) (abs(mailx_clock_offset_seconds)) > 5',
    for: '2m',
  },
  {
    alert: 'MailxAbuse',
    severity: 'ticket',
    runbook: 'abuse-wave',
    summary: 'More than half of what {{ $labels.limit }} counts is refused.',
    expr: 'sum by (namespace, limit) (rate(mailx_rate_limit_decisions_total{decision="refused"}[15m])) / sum by (namespace, limit) (rate(mailx_rate_limit_decisions_total[15m])) > 0.5',
    for: '15m',
  },
  {
    alert: 'MailxOverloaded',
    severity: 'ticket',
    runbook: 'overloaded',
    summary:
      'The event loop of {{ $labels.service }} at {{ $labels.instance }} is late by {{ $value }} s.',
    expr: 'nodejs_eventloop_lag_p99_seconds > 0.25',
    for: '15m',
  },
]

/** Groups of rules, by the name of their file. */
export const alertGroups: Readonly<Record<string, readonly Rule[]>> = {
  objectives: objectives.flatMap(burnRateRules),
  causes,
}

/** From the root of the project; whoever installs it knows where that can be read. */
const RUNBOOKS = 'docs/runbooks'

/** A file of alerting rules as Prometheus reads it. */
export const ruleFile = (name: string, rules: readonly Rule[]): object => ({
  groups: [
    {
      name: `mailx-${name}`,
      rules: rules.map((rule) => ({
        alert: rule.alert,
        expr: rule.expr,
        ...(rule.for !== undefined && { for: rule.for }),
        labels: { severity: rule.severity },
        annotations: {
          summary: rule.summary,
          runbook_url: `${RUNBOOKS}/${rule.runbook}.md`,
        },
      })),
    },
  ],
})
