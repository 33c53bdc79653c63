import { type ClusterOptions, connectCluster } from '../k8s/connect-cluster.ts'
import { issueCertificates } from '../k8s/issue-certificates.ts'
import type { Output } from '../run.ts'

export type K8sCertificatesOptions = ClusterOptions & {
  readonly prefix: string
  readonly deployment: string
}

/** `mailxctl k8s certificates`: makes and renews what the services know each other by. */
export async function k8sCertificatesCommand(
  output: Output,
  { prefix, deployment, ...options }: K8sCertificatesOptions,
): Promise<void> {
  const cluster = await connectCluster(options)
  for (const issued of await issueCertificates(cluster, { prefix, deployment, now: Date.now() })) {
    const { secret, outcome, expiresAt } = issued
    const line = `${outcome.padEnd(7)}  ${secret}  until ${expiresAt.toISOString()}`
    output.record({ kind: 'certificate', ...issued }, line)
  }
}
