import type { Sample } from './parse-prometheus.ts'
import type { DatabaseReport } from './read-database.ts'
import type { ServiceReport } from './read-services.ts'

const OLD_SECONDS = 600
const FAR_BEHIND = 1_000n
const CLOCK_SECONDS = 5
const SOON_SECONDS = 48 * 60 * 60

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
    ...services.flatMap(({ samples }) => ofSamples(samples, now / 1000)),
  ]
}

function ofDatabase(database: DatabaseReport): string[] {
  return [
    ...database.parked.map(({ processor, reason }) => `${processor} parked an event: ${reason}`),
    ...database.lag
      .filter(({ behind }) => behind > FAR_BEHIND)
      .map(({ behind, processor }) => `${processor} is ${behind} events behind`),
    ...database.queues
      .filter(({ oldestSeconds }) => oldestSeconds > OLD_SECONDS)
      .map(
        ({ fault, oldestSeconds, peer }) =>
          `mail for ${peer} has waited for ${Math.round(oldestSeconds / 60)} minutes (${fault || 'no failure told'})`,
      ),
  ]
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
