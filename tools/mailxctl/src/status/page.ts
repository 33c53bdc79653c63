import { inHours } from './find-problems.ts'
import { highest } from './highest.ts'
import type { DatabaseReport } from './read-database.ts'
import type { ServiceReport } from './read-services.ts'
import { roomOf } from './room.ts'
import { troublesOf } from './troubles.ts'

export type Known = {
  readonly database: DatabaseReport | undefined
  readonly services: readonly ServiceReport[]
  readonly problems: readonly string[]
}

/** What an operator asks first, on one page. */
export function pageOf({ database, problems, services }: Known, now = new Date()): string {
  const verdict =
    problems.length === 0 ? ['all is well'] : problems.map((problem) => `! ${problem}`)
  return [
    `${database?.domains.join(', ') || 'MailX'}  ${now.toISOString()}`,
    ...verdict,
    '',
    'services',
    ...(services.length === 0
      ? ['  not asked: name their ops ports by --ops or OPS_URLS, or their release by --release']
      : services.map((service) => lineOf(service, services))),
    'servers',
    ...(database === undefined
      ? ['  nothing is known of Postgres']
      : [`  Postgres ${database.postgres}${connectionsOf(services)}`]),
    ...answersOf(services),
    'room',
    ...roomOf(database, services),
    ...(database === undefined ? [] : logAndQueuesOf(database)),
    'keys and certificates',
    ...expiriesOf(services, now),
    'last errors',
    ...troublesOf(services, now),
  ].join('\n')
}

const nameOf = ({ service }: ServiceReport): string => service ?? '?'

function lineOf(service: ServiceReport, all: readonly ServiceReport[]): string {
  const width = (of: (one: ServiceReport) => string) =>
    Math.max(...all.map((one) => of(one).length))
  const { ready, url, version, wrong } = service
  const line = [
    nameOf(service).padEnd(width(nameOf)),
    ready ? 'ready    ' : 'NOT READY',
    version.padEnd(width((one) => one.version)),
    url,
  ].join('  ')
  return [`  ${line}`, ...wrong.map((what) => `    ${what}`)].join('\n')
}

function connectionsOf(services: readonly ServiceReport[]): string {
  const connections = highest(services, 'mailx_postgres_connections')
  return connections === undefined
    ? ''
    : `, ${connections} of ${highest(services, 'mailx_postgres_max_connections')} connections open`
}

function answersOf(services: readonly ServiceReport[]): string[] {
  const roundTrip = highest(services, 'mailx_nats_round_trip_seconds')
  const offset = highest(services, 'mailx_clock_offset_seconds')
  return [
    ...(roundTrip === undefined ? [] : [`  NATS answers in ${(roundTrip * 1000).toFixed(1)} ms`]),
    ...(offset === undefined ? [] : [`  clocks differ by ${(offset * 1000).toFixed(0)} ms`]),
  ]
}

const logAndQueuesOf = (database: DatabaseReport): string[] => [
  'log',
  `  ${database.events} events, ${database.unpublished} not on the bus, ${database.parked.length} parked, ${database.unsignedLeaves} key log entries without a signed head`,
  `  ${behindOf(database)}`,
  'queues',
  ...(database.queues.length === 0
    ? ['  nothing waits for another domain']
    : database.queues.map(
        ({ deliveries, fault, oldestSeconds, peer }) =>
          `  ${peer}: ${deliveries}, oldest ${Math.round(oldestSeconds)} s${fault ? `, last error ${fault}` : ''}`,
      )),
]

function behindOf({ lag }: DatabaseReport): string {
  const behind = lag.filter((one) => one.behind > 0n)
  return behind.length === 0
    ? 'every processor is at its end'
    : `behind: ${behind.map((one) => `${one.processor} by ${one.behind}`).join(', ')}`
}

/** The earliest of each kind and domain. */
function expiriesOf(services: readonly ServiceReport[], now: Date): string[] {
  if (services.length === 0) return ['  not asked']
  const earliest = new Map<string, number>()
  for (const { name, labels, value } of services.flatMap(({ samples }) => samples)) {
    const isCertificate = name === 'mailx_certificate_expiry_timestamp_seconds'
    if (!isCertificate && name !== 'mailx_operational_key_expiry_timestamp_seconds') continue
    const what = `${labels['domain']} ${isCertificate ? 'certificate' : `${labels['use']} key`}`
    earliest.set(what, Math.min(earliest.get(what) ?? Infinity, value))
  }
  const lines = [...earliest].toSorted(([, a], [, b]) => a - b)
  return lines.map(([what, at]) => `  ${what} runs out ${inHours(at - now.getTime() / 1000)}`)
}
