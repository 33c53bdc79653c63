type Series = Readonly<Record<string, string>>

/** What has to be seen for an alert to fire, and what looks like it and must not make it. */
export type AlertCase = {
  readonly alert: string
  /** Samples, one a minute from minute 0 on, as promtool writes them. */
  readonly bad: Series
  readonly good: Series
  /** In this minute it fires on the bad ones; in the minute before it does not yet. */
  readonly minute: number
  readonly fires: readonly {
    readonly severity: 'page' | 'ticket'
    /** Those beside the namespace. */
    readonly labels?: Readonly<Record<string, string>>
    readonly summary: string
  }[]
}

/** What the cases are rendered with, beside the profile `large`. */
export const caseValues = { postgres: { cluster: { storage: { size: '100G' } } } }

const of = (name: string, labels = '') =>
  `${name}{${[labels, 'namespace="mail"'].filter(Boolean).join(',')}}`
const service = (name: string) => `service="${name}",instance="10.0.0.7:9464"`

const DAY = 24 * 60 * 60
const GiB = 1024 ** 3

const submissions = (code: string) => of('mailx_gateway_submissions_total', `code="${code}"`)
const submissionSummary =
  'Submissions fail by our own fault faster than the objective of 99.95 % allows.'

const deliveries = (outcome: string) =>
  of('mailx_federation_deliveries_total', `peer="b.test",outcome="${outcome}"`)

const refusals = (decision: string, limit: string) =>
  of(
    'mailx_rate_limit_decisions_total',
    `limit="${limit}",decision="${decision}",counted_by="redis"`,
  )

const everyService = [
  'directory',
  'gateway',
  'identity',
  'inbound-federation',
  'outbound-federation',
  'storage',
  'transparency',
]
const ready = (names: readonly string[]): Series =>
  Object.fromEntries(names.map((name) => [of('mailx_ready', service(name)), '1x40']))

const slow = (metric: string, label: string, within: string, share: number): Series => ({
  [of(`${metric}_bucket`, `${label},le="${within}"`)]: `0+${100 - share}x120`,
  [of(`${metric}_count`, label)]: '0+100x120',
})

const localSummary =
  'Too much local mail is not in the mailbox 100 ms after acceptance (objective: 99 %).'
const remoteSummary =
  'Too much mail to healthy peers is not receipted a second after acceptance (objective: 99 %).'

const up = (backend: string) => of('mailx_backend_up', `${service('gateway')},backend="${backend}"`)

export const alertCases: readonly AlertCase[] = [
  {
    alert: 'MailxNotReady',
    bad: { [of('mailx_ready', service('storage'))]: '0x40' },
    good: { [of('mailx_ready', service('storage'))]: '0x4 1x40' },
    minute: 5,
    fires: [
      {
        severity: 'page',
        labels: { service: 'storage', instance: '10.0.0.7:9464' },
        summary: 'storage at 10.0.0.7:9464 has not been ready for five minutes.',
      },
    ],
  },
  {
    alert: 'MailxGone',
    bad: ready(everyService.filter((name) => name !== 'storage')),
    good: ready(everyService),
    minute: 5,
    fires: [
      {
        severity: 'page',
        labels: { service: 'storage' },
        summary: 'No process of storage is seen in mail.',
      },
    ],
  },
  ...(
    [
      ['Postgres', 1, 'page', 'Postgres: nothing can be accepted.'],
      ['Nats', 2, 'page', 'NATS: mail goes slowly, by way of Postgres.'],
      ['Redis', 5, 'ticket', 'Redis: limits are counted by each process alone.'],
    ] as const
  ).map(([name, minute, severity, what]) => {
    return {
      alert: `Mailx${name}Down`,
      bad: { [up(name.toLowerCase())]: '0x40' },
      good: { [up(name.toLowerCase())]: '1x40', [up('another')]: '0x40' },
      minute,
      fires: [
        {
          severity,
          labels: {
            service: 'gateway',
            instance: '10.0.0.7:9464',
            backend: name.toLowerCase(),
          },
          summary: `gateway does not reach ${what}`,
        },
      ],
    }
  }),
  {
    alert: 'MailxNatsCopiesMissing',
    bad: {
      [of('mailx_nats_stream_replicas', 'stream="LOG_delivery",state="wanted"')]: '3x40',
      [of('mailx_nats_stream_replicas', 'stream="LOG_delivery",state="current"')]: '2x40',
    },
    good: {
      [of('mailx_nats_stream_replicas', 'stream="LOG_delivery",state="wanted"')]: '3x40',
      [of('mailx_nats_stream_replicas', 'stream="LOG_delivery",state="current"')]: '3x40',
    },
    minute: 10,
    fires: [
      {
        severity: 'ticket',
        labels: { stream: 'LOG_delivery' },
        summary: 'The stream LOG_delivery lacks copies.',
      },
    ],
  },
  {
    alert: 'MailxDiskFull',
    bad: {
      [of('mailx_log_append_failures_total', 'context="submission",code="STORAGE_FULL"')]: '0 1x40',
    },
    good: {
      [of('mailx_log_append_failures_total', 'context="submission",code="STORAGE_FULL"')]: '7x40',
      [of('mailx_log_append_failures_total', 'context="submission",code="CONFLICT"')]: '0+9x40',
    },
    minute: 1,
    fires: [{ severity: 'page', summary: 'Postgres refuses appends because its disk is full.' }],
  },
  {
    alert: 'MailxDiskFilling',
    bad: { [of('mailx_postgres_database_bytes')]: '81e9x60' },
    good: { [of('mailx_postgres_database_bytes')]: '79e9x60' },
    minute: 10,
    fires: [{ severity: 'ticket', summary: 'The database has 75.44GiB of a disk of 100G.' }],
  },
  {
    alert: 'MailxDiskFilling',
    bad: { [of('mailx_postgres_database_bytes')]: '55e9+5e7x60' },
    // In a day it will be at 91 %; and what is nearly empty may grow fast for a while.
    good: { [of('mailx_postgres_database_bytes')]: '55e9+25e6x60' },
    minute: 31,
    fires: [
      {
        severity: 'page',
        summary: 'At the pace of the last six hours the disk of Postgres is full within a day.',
      },
    ],
  },
  {
    alert: 'MailxWalKept',
    bad: { [of('mailx_postgres_wal_kept_bytes')]: `${5 * GiB}x40` },
    good: { [of('mailx_postgres_wal_kept_bytes')]: `${GiB}x40` },
    minute: 10,
    fires: [
      {
        severity: 'ticket',
        summary: 'Postgres keeps 5GiB of WAL for a replica that does not take it.',
      },
    ],
  },
  {
    alert: 'MailxBusFull',
    bad: {
      [of('mailx_nats_stream_bytes', 'stream="LOG_delivery"')]: '65000000x40',
      [of('mailx_nats_stream_limit_bytes', 'stream="LOG_delivery"')]: '67108864x40',
      [of('mailx_projection_fallback_reads_total', 'projection="storage.outcomes"')]: '0+1x40',
    },
    // One that is full, as it should be; one without a limit; nobody had to read from Postgres.
    good: {
      [of('mailx_nats_stream_bytes', 'stream="LOG_delivery"')]: '67108864x40',
      [of('mailx_nats_stream_limit_bytes', 'stream="LOG_delivery"')]: '67108864x40',
      [of('mailx_nats_stream_bytes', 'stream="LOG_peer"')]: '67108864x40',
      [of('mailx_nats_stream_limit_bytes', 'stream="LOG_peer"')]: '0x40',
      [of('mailx_projection_fallback_reads_total', 'projection="storage.outcomes"')]: '5x40',
    },
    minute: 16,
    fires: [
      {
        severity: 'ticket',
        labels: { stream: 'LOG_delivery' },
        summary: 'The stream LOG_delivery is full, and what it dropped is read from Postgres.',
      },
    ],
  },
  {
    alert: 'MailxUndecided',
    bad: { [of('mailx_overdue_deliveries', service('outbound-federation'))]: '0 3x40' },
    good: { [of('mailx_overdue_deliveries', service('outbound-federation'))]: '0x40' },
    minute: 1,
    fires: [
      {
        severity: 'page',
        summary: '3 accepted recipients have no final state an hour after their time was over.',
      },
    ],
  },
  {
    alert: 'MailxReplicationLag',
    bad: { [of('mailx_postgres_replica_lag_bytes', 'server="slowest"')]: `${128 * 1024 ** 2}x40` },
    good: { [of('mailx_postgres_replica_lag_bytes', 'server="slowest"')]: `${1024 ** 2}x40` },
    minute: 10,
    fires: [{ severity: 'ticket', summary: 'The slowest Postgres replica is 128MiB behind.' }],
  },
  {
    alert: 'MailxQueueOld',
    bad: { [of('mailx_delivery_queue_age_seconds', 'peer="b.test"')]: '900x40' },
    good: { [of('mailx_delivery_queue_age_seconds', 'peer="b.test"')]: '500x40' },
    minute: 5,
    fires: [
      {
        severity: 'page',
        labels: { peer: 'b.test' },
        summary: 'A delivery to b.test has waited for 15m 0s.',
      },
    ],
  },
  {
    alert: 'MailxPeerDown',
    bad: { [deliveries('UNAVAILABLE')]: '0+1x40', [deliveries('accepted')]: '7x40' },
    good: { [deliveries('UNAVAILABLE')]: '0+9x40', [deliveries('accepted')]: '0+1x40' },
    minute: 16,
    fires: [
      {
        severity: 'ticket',
        labels: { peer: 'b.test' },
        summary: 'b.test has accepted nothing for 15 minutes, and everything fails.',
      },
    ],
  },
  {
    alert: 'MailxParkedEvents',
    bad: { [of('mailx_parked_events', 'projection="storage.received"')]: '0 1x40' },
    good: { [of('mailx_parked_events', 'projection="storage.received"')]: '0x40' },
    minute: 1,
    fires: [
      {
        severity: 'ticket',
        labels: { projection: 'storage.received' },
        summary: 'storage.received went past events that it could not apply.',
      },
    ],
  },
  {
    alert: 'MailxProcessorStuck',
    bad: {
      [of('mailx_projection_stuck', 'projection="storage.received",partition="reception-0"')]:
        '0 1x40',
    },
    good: {
      [of('mailx_projection_stuck', 'projection="storage.received",partition="reception-0"')]:
        '0x40',
    },
    minute: 1,
    fires: [
      {
        severity: 'page',
        labels: { projection: 'storage.received', partition: 'reception-0' },
        summary: 'storage.received stopped: the log contradicts itself in reception-0.',
      },
    ],
  },
  {
    alert: 'MailxProjectionLag',
    bad: { [of('mailx_projection_lag_seconds', 'projection="storage.received"')]: '90x40' },
    good: { [of('mailx_projection_lag_seconds', 'projection="storage.received"')]: '50x40' },
    minute: 5,
    fires: [
      {
        severity: 'page',
        labels: { projection: 'storage.received' },
        summary: 'storage.received has been behind for 1m 30s.',
      },
    ],
  },
  {
    alert: 'MailxUnpublished',
    bad: {
      [of('mailx_bus_unpublished_events', `${service('gateway')},context="submission"`)]: '3x40',
      [of('mailx_bus_unpublished_events', `${service('storage')},context="submission"`)]: '2x40',
    },
    // What one process sees is late news when another sees none.
    good: {
      [of('mailx_bus_unpublished_events', `${service('gateway')},context="submission"`)]: '3x40',
      [of('mailx_bus_unpublished_events', `${service('storage')},context="submission"`)]: '0x40',
    },
    minute: 10,
    fires: [
      {
        severity: 'ticket',
        labels: { context: 'submission' },
        summary: 'Events of submission are committed and not on the bus.',
      },
    ],
  },
  ...['mailx_bus_refused_batches_total', 'mailx_gateway_forged_announcements_total'].map(
    (metric) =>
      ({
        alert: 'MailxForgedMessages',
        // Where the other one is not seen at all.
        bad: { [of(metric)]: '0 1x40' },
        good: {
          [of('mailx_bus_refused_batches_total')]: '5x40',
          [of('mailx_gateway_forged_announcements_total')]: '0x40',
        },
        minute: 1,
        fires: [{ severity: 'page', summary: 'Somebody without the bus key writes to NATS.' }],
      }) as const,
  ),
  {
    alert: 'MailxCertificateExpiring',
    bad: { [of('mailx_certificate_expiry_timestamp_seconds', 'domain="a.test"')]: `${DAY}x40` },
    good: {
      [of('mailx_certificate_expiry_timestamp_seconds', 'domain="a.test"')]: `${3 * DAY}x40`,
    },
    minute: 10,
    fires: [
      {
        severity: 'page',
        labels: { domain: 'a.test' },
        summary: 'The certificate of a.test runs out in 23h 50m 0s.',
      },
    ],
  },
  {
    alert: 'MailxKeyExpiring',
    bad: {
      [of('mailx_operational_key_expiry_timestamp_seconds', 'domain="a.test",use="deliver"')]:
        `${DAY}x40`,
    },
    good: {
      [of('mailx_operational_key_expiry_timestamp_seconds', 'domain="a.test",use="deliver"')]:
        `${3 * DAY}x40`,
    },
    minute: 10,
    fires: [
      {
        severity: 'page',
        labels: { domain: 'a.test', use: 'deliver' },
        summary: 'The deliver key of a.test runs out in 23h 50m 0s.',
      },
    ],
  },
  {
    alert: 'MailxKeyLogStale',
    bad: { [of('mailx_key_log_unsigned_leaves')]: '2x40' },
    good: { [of('mailx_key_log_unsigned_leaves')]: '2x5 0x4 2x5 0x40' },
    minute: 10,
    fires: [
      {
        severity: 'page',
        summary: 'Entries of the key log have had no signed head for ten minutes.',
      },
    ],
  },
  {
    alert: 'MailxKeyLogRefused',
    bad: { [of('mailx_key_log_refusals_total', 'code="CORRUPT_LOG"')]: '0 1x40' },
    good: {
      [of('mailx_key_log_refusals_total', 'code="CORRUPT_LOG"')]: '3x40',
      [of('mailx_key_log_refusals_total', 'code="UNAVAILABLE"')]: '0+1x40',
    },
    minute: 1,
    fires: [
      {
        severity: 'page',
        summary: 'A key log contradicts what was signed of it; it is not signed any further.',
      },
    ],
  },
  {
    alert: 'MailxClockWrong',
    bad: { [of('mailx_clock_offset_seconds', service('storage'))]: '-6x40' },
    good: { [of('mailx_clock_offset_seconds', service('storage'))]: '-4x40' },
    minute: 2,
    fires: [
      {
        severity: 'page',
        labels: { service: 'storage', instance: '10.0.0.7:9464' },
        summary: 'The clock of storage is 6 s off that of Postgres.',
      },
    ],
  },
  {
    alert: 'MailxAbuse',
    bad: {
      [refusals('allowed', 'look-ups per user')]: '0+10x60',
      [refusals('refused', 'look-ups per user')]: '0+11x60',
    },
    good: {
      [refusals('allowed', 'look-ups per user')]: '0+10x60',
      [refusals('refused', 'look-ups per user')]: '0+9x60',
      [refusals('allowed', 'idle')]: '0x60',
      [refusals('refused', 'idle')]: '0x60',
    },
    minute: 16,
    fires: [
      {
        severity: 'ticket',
        labels: { limit: 'look-ups per user' },
        summary: 'More than half of what look-ups per user counts is refused.',
      },
    ],
  },
  {
    alert: 'MailxOverloaded',
    bad: { [of('nodejs_eventloop_lag_p99_seconds', service('gateway'))]: '0.5x40' },
    good: { [of('nodejs_eventloop_lag_p99_seconds', service('gateway'))]: '0.1x40' },
    minute: 15,
    fires: [
      {
        severity: 'ticket',
        labels: { service: 'gateway', instance: '10.0.0.7:9464' },
        summary: 'The event loop of gateway at 10.0.0.7:9464 is late by 0.5 s.',
      },
    ],
  },
  {
    alert: 'MailxSubmitAvailability',
    bad: { [submissions('ok')]: '0+99x120', [submissions('UNAVAILABLE')]: '0+1x120' },
    // What is refused with reason is an answer.
    good: {
      [submissions('ok')]: '0+99x120',
      [submissions('UNAVAILABLE')]: '0x120',
      [submissions('QUOTA_EXCEEDED')]: '0+50x120',
    },
    minute: 1,
    fires: [
      { severity: 'page', summary: submissionSummary },
      { severity: 'ticket', summary: submissionSummary },
    ],
  },
  {
    // Too slow for a page, fast enough to use the budget up.
    alert: 'MailxSubmitAvailability',
    bad: { [submissions('ok')]: '0+9990x120', [submissions('INTERNAL')]: '0+10x120' },
    good: { [submissions('ok')]: '0+9998x120', [submissions('INTERNAL')]: '0+2x120' },
    minute: 1,
    fires: [{ severity: 'ticket', summary: submissionSummary }],
  },
  {
    alert: 'MailxLocalDeliverySlow',
    bad: slow('mailx_mailbox_delivery_seconds', 'from="user"', '0.1', 20),
    good: slow('mailx_mailbox_delivery_seconds', 'from="user"', '0.1', 0.5),
    minute: 1,
    fires: [
      { severity: 'page', summary: localSummary },
      { severity: 'ticket', summary: localSummary },
    ],
  },
  {
    alert: 'MailxRemoteDeliverySlow',
    bad: slow('mailx_remote_delivery_seconds', 'prompt="yes"', '1', 20),
    // What had to be tried again is another matter.
    good: {
      ...slow('mailx_remote_delivery_seconds', 'prompt="yes"', '1', 0.5),
      ...slow('mailx_remote_delivery_seconds', 'prompt="no"', '1', 90),
    },
    minute: 1,
    fires: [
      { severity: 'page', summary: remoteSummary },
      { severity: 'ticket', summary: remoteSummary },
    ],
  },
]
