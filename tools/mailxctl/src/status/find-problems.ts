import { bytes } from './bytes.ts'
import type { Sample } from './parse-prometheus.ts'
import type { DatabaseReport } from './read-database.ts'
import type { ServiceReport } from './read-services.ts'

const OLD_SECONDS = 600
const FAR_BEHIND = 1_000n
const CLOCK_SECONDS = 5
const SOON_SECONDS = 48 * 60 * 60
const UNPUBLISHED_SECONDS = 60
const LITTLE_ROOM = 0.1

/** What somebody should look at, worst first; nothing where all is as it must be. */
export function findProblems(
  database: DatabaseReport | undefined,
  services: readonly ServiceReport[],
  now: number = Date.now(),
): string[] {
  const silent = services.filter(({ ready }) => !ready)
  return [
    ...silent.map(
      ({ service, url, wrong }) => `${service ?? url} is not ready: ${wrong.join('; ')}`,
    ),
    ...versionsOf(services),
    ...(database === undefined ? [] : ofDatabase(database)),
    ...missingCopies(services),
    ...services.flatMap(({ samples }) => ofSamples(samples, now / 1000)),
  ]
}

function ofDatabase(database: DatabaseReport): string[] {
  const { disk, staleKeyLogs, unpublished, unpublishedSeconds } = database
  return [
    ...(disk.free !== undefined && disk.free.bytes < disk.free.ofBytes * LITTLE_ROOM
      ? [`the disk of Postgres has ${bytes(disk.free.bytes)} left`]
      : []),
    ...database.parked.map(({ processor, reason }) => `${processor} parked an event: ${reason}`),
    ...database.lag
      .filter(({ behind }) => behind > FAR_BEHIND)
      .map(({ behind, processor }) => `${processor} is ${behind} events behind`),
    ...(unpublishedSeconds > UNPUBLISHED_SECONDS
      ? [
          `${unpublished} events are not on the bus, the oldest for ${inMinutes(unpublishedSeconds)}`,
        ]
      : []),
    ...staleKeyLogs.map((domain) => `the key log of ${domain} has entries that get no signed head`),
    ...database.queues
      .filter(({ oldestSeconds }) => oldestSeconds > OLD_SECONDS)
      .map(
        ({ fault, oldestSeconds, peer }) =>
          `mail for ${peer} has waited for ${inMinutes(oldestSeconds)} (${fault || 'no failure told'})`,
      ),
  ]
}

const inMinutes = (seconds: number): string => `${Math.round(seconds / 60)} minutes`

/** Streams that lack copies, by what any process says of them. */
function missingCopies(services: readonly ServiceReport[]): string[] {
  const copies = services
    .flatMap(({ samples }) => samples)
    .filter(({ name }) => name === 'mailx_nats_stream_replicas')
  const byStream = Map.groupBy(copies, ({ labels }) => labels['stream'] ?? '')
  return [...byStream].flatMap(([stream, told]) => {
    const of = (state: string) =>
      told.filter(({ labels }) => labels['state'] === state).map(({ value }) => value)
    const [wanted, current] = [Math.max(0, ...of('wanted')), Math.min(...of('current'))]
    return current < wanted ? [`the stream ${stream} has ${current} of ${wanted} copies`] : []
  })
}

function versionsOf(services: readonly ServiceReport[]): string[] {
  const versions = new Set(services.map(({ version }) => version).filter(Boolean))
  return versions.size > 1 ? [`several versions run: ${[...versions].join(', ')}`] : []
}

function ofSamples(samples: readonly Sample[], now: number): string[] {
  return samples.flatMap(({ labels, name, value }) => {
    switch (name) {
      case 'mailx_clock_offset_seconds':
        return Math.abs(value) > CLOCK_SECONDS
          ? [`the clock of ${labels['service']} is ${value.toFixed(1)} s off that of Postgres`]
          : []
      case 'mailx_certificate_expiry_timestamp_seconds':
      case 'mailx_operational_key_expiry_timestamp_seconds': {
        const what = labels['use'] === undefined ? 'certificate' : `${labels['use']} key`
        return value - now < SOON_SECONDS
          ? [`the ${what} of ${labels['domain']} runs out ${inHours(value - now)}`]
          : []
      }
      case 'mailx_postgres_pool_waiting':
        return value > 0
          ? [
              `${value} queries of ${labels['service']} wait for a connection (DATABASE_CONNECTIONS)`,
            ]
          : []
      case 'mailx_projection_stuck':
        return value > 0 ? [`${labels['projection']} is stuck in ${labels['partition']}`] : []
      default:
        return []
    }
  })
}

export const inHours = (seconds: number): string =>
  seconds < 0
    ? `${Math.round(-seconds / 3600)} hours ago`
    : seconds < 72 * 3600
      ? `in ${Math.round(seconds / 3600)} hours`
      : `in ${Math.round(seconds / 86_400)} days`
