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
  databaseBytes: 1,
  events: 10n,
  lag: [{ processor: 'storage.submitted', behind: 3n }],
  unpublished: 0n,
  parked: [],
  queues: [{ peer: 'b.test', deliveries: 2, oldestSeconds: 5, fault: '' }],
  unsignedLeaves: 0,
}
const service = (metrics: string): ServiceReport => ({
  url: 'http://127.0.0.1:1',
  service: 'gateway',
  version: '1.0.0',
  ready: true,
  wrong: [],
  samples: parsePrometheus(metrics),
})
const healthy = service(`# HELP mailx_clock_offset_seconds Clock.
mailx_clock_offset_seconds{service="gateway"} -0.2
mailx_certificate_expiry_timestamp_seconds{service="gateway",domain="a.test"} ${at(5 * 86_400)}
mailx_projection_stuck{projection="storage.submitted",partition="submission-0"} 0`)

test('nothing is said of a deployment that is well', () => {
  expect(findProblems(fine, [healthy], NOW)).toEqual([])
})

test('each thing that is wrong is one sentence', () => {
  const database = {
    ...fine,
    lag: [{ processor: 'storage.submitted', behind: 5_000n }],
    parked: [{ processor: 'storage.received', reason: 'violates a constraint' }],
    queues: [
      { peer: 'b.test', deliveries: 2, oldestSeconds: 1_200, fault: 'UNAVAILABLE: no answer' },
    ],
  }
  const sick = service(`mailx_clock_offset_seconds{service="gateway"} 61.5
mailx_certificate_expiry_timestamp_seconds{service="gateway",domain="a.test"} ${at(3_600)}
mailx_operational_key_expiry_timestamp_seconds{domain="a.test",use="log"} ${at(-7_200)}
mailx_projection_stuck{projection="storage.submitted",partition="submission-0"} 1`)
  const silent = { ...sick, ready: false, wrong: ['postgres: no answer'], samples: [] }
  const old = { ...healthy, version: '0.9.0' }
  expect(findProblems(database, [sick, silent, old], NOW)).toEqual([
    'gateway is not ready: postgres: no answer',
    'several versions run: 1.0.0, 0.9.0',
    'storage.received parked an event: violates a constraint',
    'storage.submitted is 5000 events behind',
    'mail for b.test has waited for 20 minutes (UNAVAILABLE: no answer)',
    'the clock of gateway is 61.5 s off that of Postgres',
    'the certificate of a.test runs out in 1 hours',
    'the log key of a.test runs out 2 hours ago',
    'storage.submitted is stuck in submission-0',
  ])
})

test('labels are read with their escapes, whatever stands in them', () => {
  expect(
    parsePrometheus('a_total{b="x\\"y\\\\z\\n",c="{,}"} 1e3\n# TYPE a counter\nnothing'),
  ).toEqual([{ name: 'a_total', labels: { b: 'x"y\\z\n', c: '{,}' }, value: 1000 }])
})
