import type { CertificateReport } from './read-certificates.ts'
import type { PodReport } from './read-pods.ts'

const SOON_MS = 48 * 60 * 60 * 1000
const FAR_BEHIND = 1_000
const OLD_SECONDS = 600

/** What somebody should look at, one sentence each; nothing where all is as it must be. */
export function clusterProblems(
  pods: readonly PodReport[],
  certificates: readonly CertificateReport[],
  now: number = Date.now(),
): string[] {
  return [
    ...(pods.length === 0 ? ['there are no pods of MailX (--namespace, --selector)'] : []),
    ...pods
      .filter(({ ready }) => !ready)
      .map(({ pod, reason }) => `${pod} is not ready: ${reason}`),
    ...pods
      .filter(({ ready, unread }) => ready && unread !== '')
      .map(({ pod, unread }) => `${pod} does not show its metrics: ${unread}`),
    ...mixedVersions(pods),
    ...pods.filter((pod) => lagOf(pod) > FAR_BEHIND).map(tellLag),
    ...pods.flatMap(ofQueues),
    ...pods.flatMap((pod) => ofDomainCertificates(pod, now)),
    ...certificates.flatMap((certificate) => ofSecret(certificate, now)),
  ]
}

/** How many committed events the processor of the pod that is farthest behind has not dealt with. */
export const lagOf = ({ samples = [] }: PodReport): number =>
  Math.max(0, ...valuesOf(samples, 'mailx_projection_lag_events'))

const valuesOf = (samples: NonNullable<PodReport['samples']>, name: string): number[] =>
  samples.filter((sample) => sample.name === name).map(({ value }) => value)

function tellLag(pod: PodReport): string {
  const farthest = pod.samples?.find(
    ({ name, value }) => name === 'mailx_projection_lag_events' && value === lagOf(pod),
  )
  return `${pod.pod}: ${farthest?.labels['projection']} is ${lagOf(pod)} events behind`
}

function mixedVersions(pods: readonly PodReport[]): string[] {
  const known = pods.filter(({ samples }) => samples !== undefined)
  const versions = [...new Set(known.map(({ version }) => version))]
  return versions.length > 1 ? [`several versions run: ${versions.toSorted().join(', ')}`] : []
}

const ofQueues = ({ pod, samples = [] }: PodReport): string[] =>
  samples
    .filter(({ name, value }) => name === 'mailx_delivery_queue_age_seconds' && value > OLD_SECONDS)
    .map(({ labels, value }) => {
      const peer = labels['peer'] ?? 'another domain'
      return `${pod}: mail for ${peer} has waited for ${Math.round(value / 60)} minutes`
    })

const ofDomainCertificates = ({ pod, samples = [] }: PodReport, now: number): string[] =>
  samples
    .filter(({ name }) => name === 'mailx_certificate_expiry_timestamp_seconds')
    .flatMap(({ labels, value }) =>
      tellExpiry(`${pod}: the certificate of ${labels['domain']}`, value * 1000, now),
    )

const ofSecret = ({ secret, expiresAt }: CertificateReport, now: number): string[] =>
  expiresAt === undefined
    ? [`secret ${secret} holds no certificate that can be read (tls.crt)`]
    : tellExpiry(`the certificate in secret ${secret}`, expiresAt.getTime(), now)

function tellExpiry(what: string, at: number, now: number): string[] {
  if (at <= now) return [`${what} has expired on ${new Date(at).toISOString()}`]
  return at - now < SOON_MS ? [`${what} expires on ${new Date(at).toISOString()}`] : []
}
