import { callerNames } from '@mailx/grpc/service-id'
import { type Issued, issueCertificates, services } from '../issue-certificates.ts'
import { certificateSecrets } from '../k8s/cluster-secrets.ts'
import { type ClusterOptions, connectCluster } from '../k8s/connect-cluster.ts'
import type { Output } from '../run.ts'
import { secretFiles } from '../secret-store.ts'

/** `mailxctl certificates <folder>`: what services know each other by, as files. */
export async function certificatesCommand(
  output: Output,
  folder: string,
  { deployment }: { readonly deployment: string },
): Promise<void> {
  const request = { deployment, owners: callerNames, now: Date.now() }
  show(output, await issueCertificates(secretFiles(folder, namesOf), request))
}

export type K8sCertificatesOptions = ClusterOptions & {
  readonly prefix: string
  readonly deployment: string
}

/** `mailxctl k8s certificates`: the same as Secrets. */
export async function k8sCertificatesCommand(
  output: Output,
  { prefix, deployment, ...options }: K8sCertificatesOptions,
): Promise<void> {
  const store = certificateSecrets(await connectCluster(options), prefix)
  const request = { deployment, owners: services, now: Date.now() }
  show(output, await issueCertificates(store, request))
}

function show(output: Output, all: readonly Issued[]): void {
  for (const issued of all) {
    const { place, outcome, expiresAt } = issued
    const line = `${outcome.padEnd(7)}  ${place}  until ${expiresAt.toISOString()}`
    output.record({ kind: 'certificate', ...issued }, line)
  }
}

const namesOf = (owner: string): readonly string[] =>
  owner === 'authority' ? ['ca.crt', 'ca.key'] : ['ca.crt', 'tls.crt', 'tls.key']
