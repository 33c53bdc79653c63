import { MailxError } from '@mailx/errors/mailx-error'
import { withDatabase } from '../open-database.ts'
import type { Output } from '../run.ts'
import { findProblems, inHours } from '../status/find-problems.ts'
import { type DatabaseReport, readDatabase } from '../status/read-database.ts'
import { readServices, type ServiceReport } from '../status/read-services.ts'

export type StatusOptions = {
  /** Ops ports of the processes. Left out: OPS_URLS, separated by commas. */
  readonly ops?: readonly string[]
}

export const opsUrls = ({ ops }: StatusOptions): readonly string[] =>
  (ops ?? process.env['OPS_URLS']?.split(',') ?? [])
    .filter(Boolean)
    .map((url) => (url.includes('://') ? url : `http://${url}`))

/** `mailxctl status`: on one page what an operator asks first. `false` when something is wrong. */
export async function statusCommand(output: Output, options: StatusOptions): Promise<boolean> {
  const urls = opsUrls(options)
  const services = await readServices(urls)
  const database = await withDatabase(readDatabase).catch(asProblem)
  const problems =
    'unreachable' in database
      ? [database.unreachable, ...findProblems(undefined, services)]
      : findProblems(database, services)
  const record = {
    problems,
    database,
    services: services.map(({ ready, service, url, version, wrong }) => ({
      service,
      version,
      url,
      ready,
      wrong,
    })),
  }
  output.record(record, pageOf(database, services, problems))
  return problems.length === 0
}

const logAndQueuesOf = (database: DatabaseReport): string[] => [
  'log',
  `  ${database.events} events, ${database.unpublished} not on the bus, ${database.parked.length} parked, ${database.unsignedLeaves} key log entries without a signed head`,
  `  farthest behind: ${database.lag.map(({ behind, processor }) => `${processor} ${behind}`).join(', ')}`,
  'queues',
  ...(database.queues.length === 0
    ? ['  nothing waits for another domain']
    : database.queues.map(
        ({ deliveries, fault, oldestSeconds, peer }) =>
          `  ${peer}: ${deliveries}, oldest ${Math.round(oldestSeconds)} s${fault ? `, last error ${fault}` : ''}`,
      )),
]

/** Without its database the deployment has much to tell all the same. */
function asProblem(error: unknown): { readonly unreachable: string } {
  if (error instanceof MailxError && error.code === 'UNAVAILABLE') {
    return { unreachable: error.message }
  }
  throw error
}

function pageOf(
  database: DatabaseReport | { readonly unreachable: string },
  services: readonly ServiceReport[],
  problems: readonly string[],
): string {
  const known = 'unreachable' in database ? undefined : database
  const verdict =
    problems.length === 0 ? ['all is well'] : problems.map((problem) => `! ${problem}`)
  return [
    `${known?.domains.join(', ') || 'MailX'}  ${new Date().toISOString()}`,
    ...verdict,
    '',
    'services',
    ...(services.length === 0
      ? ['  not asked: name their ops ports by --ops or OPS_URLS']
      : services.map(lineOf)),
    'servers',
    ...(known === undefined
      ? ['  Postgres does not answer']
      : [`  Postgres ${known.postgres}, database ${bytes(known.databaseBytes)}`]),
    ...serversOf(services),
    ...(known === undefined ? [] : logAndQueuesOf(known)),
    'keys and certificates',
    ...expiriesOf(services),
    'last errors',
    ...errorsOf(services),
  ].join('\n')
}

const lineOf = ({ ready, service, url, version, wrong }: ServiceReport): string =>
  `  ${(service ?? '?').padEnd(20)}  ${ready ? 'ready    ' : 'NOT READY'}  ${version.padEnd(12)}  ${url}${wrong.map((what) => `\n    ${what}`).join('')}`

/** The highest value of a metric, by what the labels make of it. */
function highest(services: readonly ServiceReport[], name: string): number | undefined {
  const found = services.flatMap(({ samples }) => samples.filter((one) => one.name === name))
  return found.length === 0 ? undefined : Math.max(...found.map(({ value }) => value))
}

function serversOf(services: readonly ServiceReport[]): string[] {
  const number = (name: string) => highest(services, name)
  const connections = number('mailx_postgres_connections')
  const roundTrip = number('mailx_nats_round_trip_seconds')
  const redis = number('mailx_redis_memory_bytes')
  const offset = number('mailx_clock_offset_seconds')
  return [
    ...(connections === undefined
      ? []
      : [
          `  Postgres has ${connections} of ${number('mailx_postgres_max_connections')} connections open`,
        ]),
    ...(roundTrip === undefined ? [] : [`  NATS answers in ${(roundTrip * 1000).toFixed(1)} ms`]),
    ...(redis === undefined ? [] : [`  Redis holds ${bytes(redis)}`]),
    ...(offset === undefined ? [] : [`  clocks differ by ${(offset * 1000).toFixed(0)} ms`]),
  ]
}

/** The earliest of each kind and domain. */
function expiriesOf(services: readonly ServiceReport[]): string[] {
  if (services.length === 0) return ['  not asked']
  const earliest = new Map<string, number>()
  for (const { name, labels, value } of services.flatMap(({ samples }) => samples)) {
    const isCertificate = name === 'mailx_certificate_expiry_timestamp_seconds'
    if (!isCertificate && name !== 'mailx_operational_key_expiry_timestamp_seconds') continue
    const what = `${labels['domain']} ${isCertificate ? 'certificate' : `${labels['use']} key`}`
    earliest.set(what, Math.min(earliest.get(what) ?? Infinity, value))
  }
  const lines = [...earliest].toSorted(([, a], [, b]) => a - b)
  return lines.map(([what, at]) => `  ${what} runs out ${inHours(at - Date.now() / 1000)}`)
}

const FAILURES: Readonly<Record<string, string>> = {
  mailx_log_append_failures_total: 'appends refused',
  mailx_bus_publish_failures_total: 'publishing failed',
  mailx_projection_failures_total: 'pages failed',
  mailx_redis_failures_total: 'Redis commands failed',
  mailx_inbound_rejections_total: 'connections of peers ended',
}

/** What failed since the processes started; the log lines have the rest. */
function errorsOf(services: readonly ServiceReport[]): string[] {
  if (services.length === 0) return ['  not asked']
  const lines = services.flatMap(({ samples, service }) =>
    samples.flatMap(({ labels, name, value }) => {
      const what = FAILURES[name]
      if (what === undefined || value === 0 || labels['code'] === 'CONFLICT') return []
      const { code, context, projection } = labels
      const where = [context, projection, code].filter(Boolean).join(' ')
      return [`  ${service}: ${value} ${what} (${where})`]
    }),
  )
  return lines.length === 0 ? ['  none since the start'] : lines
}

const bytes = (count: number): string => `${(count / 1024 / 1024).toFixed(1)} MiB`
