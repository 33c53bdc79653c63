import { X509Certificate } from 'node:crypto'
import { type Cluster, explain } from './connect-cluster.ts'

export type CertificateReport = {
  readonly secret: string
  /** Undefined where the secret holds no certificate that can be read. */
  readonly expiresAt: Date | undefined
  readonly names: readonly string[]
}

/** The certificates of the namespace's TLS secrets, that which ends first at the top. */
export async function readCertificates(cluster: Cluster): Promise<CertificateReport[]> {
  const { core, namespace } = cluster
  const { items } = await core
    .listNamespacedSecret({ namespace, fieldSelector: 'type=kubernetes.io/tls' })
    .catch((error: unknown) => {
      throw explain(error, 'list secrets', cluster)
    })
  const found = items.map(({ metadata, data }) =>
    certificateOf(metadata?.name ?? '', data?.['tls.crt'] ?? ''),
  )
  return found.toSorted((a, b) => (a.expiresAt?.getTime() ?? 0) - (b.expiresAt?.getTime() ?? 0))
}

function certificateOf(secret: string, encoded: string): CertificateReport {
  try {
    const { subject, subjectAltName, validToDate } = new X509Certificate(
      Buffer.from(encoded, 'base64'),
    )
    const names = (subjectAltName ?? subject ?? '').split(', ')
    return { secret, expiresAt: validToDate, names: names.map((name) => name.replace('DNS:', '')) }
  } catch {
    return { secret, expiresAt: undefined, names: [] } // told as a problem
  }
}
