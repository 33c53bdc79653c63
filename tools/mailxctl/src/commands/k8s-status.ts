import { MailxError } from '@mailx/errors/mailx-error'
import pc from 'picocolors'
import { clusterProblems, lagOf } from '../k8s/cluster-problems.ts'
import { type ClusterOptions, connectCluster } from '../k8s/connect-cluster.ts'
import { type CertificateReport, readCertificates } from '../k8s/read-certificates.ts'
import { type PodReport, readPods } from '../k8s/read-pods.ts'
import type { Output } from '../run.ts'

export type K8sStatusOptions = ClusterOptions & { readonly selector: string }

/**
 * `mailxctl k8s status`: pods, versions, readiness, lag, certificates of one namespace. What may not be
 * read is a problem among the others, and what may be is shown. False when there is a problem.
 */
export async function k8sStatusCommand(
  output: Output,
  options: K8sStatusOptions,
): Promise<boolean> {
  const cluster = await connectCluster(options)
  const pods = await readPods(cluster, options.selector)
  const { certificates, refused } = await readCertificates(cluster).then(
    (found) => ({ certificates: found, refused: [] }),
    (error: unknown) => {
      if (!(error instanceof MailxError) || error.code !== 'PERMISSION_DENIED') throw error
      return { certificates: [], refused: [error.message] }
    },
  )
  const byService = pods.toSorted((a, b) => (a.pod < b.pod ? -1 : 1))
  for (const pod of byService) output.record(recordOf(pod), lineOf(pod, byService))
  for (const certificate of certificates) {
    output.record({ ...certificate, kind: 'certificate' }, expiryLine(certificate))
  }
  const problems = [...clusterProblems(pods, certificates), ...refused]
  for (const problem of problems) {
    output.record({ kind: 'problem', problem }, `${pc.red('!')} ${problem}`)
  }
  const ready = pods.filter((pod) => pod.ready).length
  const { namespace, name } = cluster
  const summary = `${ready} of ${pods.length} pods are ready in ${namespace} of ${name}`
  output.record({ kind: 'summary', namespace, cluster: name, pods: pods.length, ready }, summary)
  return problems.length === 0
}

const recordOf = (report: PodReport): Readonly<Record<string, unknown>> => {
  const { samples, ...pod } = report
  return { kind: 'pod', ...pod, lag: samples === undefined ? undefined : lagOf(report) }
}

function lineOf(report: PodReport, all: readonly PodReport[]): string {
  const width = (of: (pod: PodReport) => string) => Math.max(...all.map((pod) => of(pod).length))
  const { pod, service, version, ready, restarts, samples, unread } = report
  return [
    ready ? pc.green('ready    ') : pc.red('not ready'),
    pod.padEnd(width((each) => each.pod)),
    service.padEnd(width((each) => each.service)),
    (samples === undefined && unread === '' ? '' : version).padEnd(width((each) => each.version)),
    `${restarts} restarts`,
    ...(unread === '' ? [] : ['lag unknown']),
    ...(samples === undefined ? [] : [`${lagOf(report)} behind`]),
  ].join('  ')
}

const expiryLine = ({ secret, names, expiresAt }: CertificateReport): string =>
  `certificate ${secret} (${names.join(', ')}) until ${expiresAt?.toISOString() ?? 'unknown'}`
