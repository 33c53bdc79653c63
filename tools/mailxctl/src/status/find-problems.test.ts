import { expect, test } from 'vitest'
import { findProblems } from './find-problems.ts'
import { parsePrometheus } from './parse-prometheus.ts'
import type { DatabaseReport } from './read-database.ts'
import type { ServiceReport } from './read-services.ts'

const NOW = Date.UTC(2026, 10, 23)
const at = (seconds: number) => NOW / 1000 + seconds

const fine: DatabaseReport = {
  domains: ['a.test'],
  postgres: '18.4',
  disk: {
    databaseBytes: 1,
    tablespaceBytes: 1,
    walBytes: 1,
    free: { bytes: 20, ofBytes: 100 },
  },
  events: 10n,
  lag: [{ processor: 'storage.submitted', behind: 3n }],
  unpublished: 1n,
  unpublishedSeconds: 1,
  parked: [],
  queues: [{ peer: 'b.test', deliveries: 2, oldestSeconds: 5, fault: '' }],
  unsignedLeaves: 1,
  staleKeyLogs: [],
}
const service = (metrics: string): ServiceReport => ({
  url: 'http://127.0.0.1:1',
  service: 'gateway',
  version: '1.0.0',
  ready: true,
  wrong: [],
  samples: parsePrometheus(metrics),
  troubles: [],
})
const healthy = service(`# HELP mailx_clock_offset_seconds Clock.
mailx_clock_offset_seconds{service="gateway"} -0.2
mailx_certificate_expiry_timestamp_seconds{service="gateway",domain="a.test"} ${at(5 * 86_400)}
mailx_projection_stuck{projection="storage.submitted",partition="submission-0"} 0
mailx_nats_stream_replicas{stream="LOG_submission",state="wanted"} 3
mailx_nats_stream_replicas{stream="LOG_submission",state="current"} 3
mailx_postgres_pool_waiting{service="gateway"} 0`)

test('nothing is said of a deployment that is well', () => {
  expect(findProblems(fine, [healthy], NOW)).toEqual([])
})

test('each thing that is wrong is one sentence', () => {
  const database = {
    ...fine,
    disk: { ...fine.disk, free: { bytes: 5 * 1024 ** 2, ofBytes: 100 * 1024 ** 2 } },
    unpublished: 7n,
    unpublishedSeconds: 180,
    staleKeyLogs: ['a.test'],
    lag: [{ processor: 'storage.submitted', behind: 5_000n }],
    parked: [{ processor: 'storage.received', reason: 'violates a constraint' }],
    queues: [
      { peer: 'b.test', deliveries: 2, oldestSeconds: 1_200, fault: 'UNAVAILABLE: no answer' },
    ],
  }
  const sick = service(`mailx_clock_offset_seconds{service="gateway"} 61.5
mailx_certificate_expiry_timestamp_seconds{service="gateway",domain="a.test"} ${at(3_600)}
mailx_operational_key_expiry_timestamp_seconds{domain="a.test",use="log"} ${at(-7_200)}
mailx_projection_stuck{projection="storage.submitted",partition="submission-0"} 1
mailx_nats_stream_replicas{stream="LOG_submission",state="wanted"} 3
mailx_nats_stream_replicas{stream="LOG_submission",state="current"} 2
mailx_postgres_pool_waiting{service="gateway"} 4`)
  const silent = { ...sick, ready: false, wrong: ['postgres: no answer'], samples: [] }
  const old = { ...healthy, version: '0.9.0' }
  expect(findProblems(database, [sick, silent, old], NOW)).toEqual([
    'gateway is not ready: postgres: no answer',
    'several versions run: 1.0.0, 0.9.0',
    'the disk of Postgres has 5.0 MiB left',
    'storage.received parked an event: violates a constraint',
    'storage.submitted is 5000 events behind',
    '7 events are not on the bus, the oldest for 3 minutes',
    'the key log of a.test has entries that get no signed head',
    'mail for b.test has waited for 20 minutes (UNAVAILABLE: no answer)',
    'the stream LOG_submission has 2 of 3 copies',
    'the clock of gateway is 61.5 s off that of Postgres',
    'the certificate of a.test runs out in 1 hours',
    'the log key of a.test runs out 2 hours ago',
    'storage.submitted is stuck in submission-0',
    '4 queries of gateway wait for a connection (DATABASE_CONNECTIONS)',
  ])
})

test('labels are read with their escapes, whatever stands in them', () => {
  expect(
    parsePrometheus('a_total{b="x\\"y\\\\z\\n",c="{,}"} 1e3\n# TYPE a counter\nnothing'),
  ).toEqual([{ name: 'a_total', labels: { b: 'x"y\\z\n', c: '{,}' }, value: 1000 }])
})
