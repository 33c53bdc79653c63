import type { V1Secret } from '@kubernetes/client-node'
import type { SecretStore, SecretTexts } from '../secret-store.ts'
import { type Cluster, explain } from './connect-cluster.ts'

/** Secrets `<prefix>-<owner>`, each as its owner's pods mount it, of the types that `typeOf` says. */
export function clusterSecrets(
  cluster: Cluster,
  prefix: string,
  typeOf: (owner: string) => 'Opaque' | 'kubernetes.io/tls' = () => 'Opaque',
): SecretStore {
  const { core, namespace } = cluster
  const known = new Map<string, V1Secret>()
  const nameOf = (owner: string) => `${prefix}-${owner}`
  return {
    placeOf: nameOf,
    read: async (owner) => {
      const name = nameOf(owner)
      try {
        const secret = await core.readNamespacedSecret({ name, namespace })
        known.set(owner, secret)
        return textsOf(secret)
      } catch (error) {
        if ((error as { code?: number }).code === 404) return undefined
        throw explain(error, `get secrets/${name}`, cluster)
      }
    },
    // Refused with 409 when somebody has changed it since it was read: the next run looks again.
    write: async (owner, texts) => {
      const name = nameOf(owner)
      const there = known.get(owner)
      const annotations = { 'helm.sh/resource-policy': 'keep' }
      const metadata = there?.metadata ?? { name, namespace, annotations }
      const stringData = { ...texts }
      const body = { apiVersion: 'v1', kind: 'Secret', type: typeOf(owner), stringData, metadata }
      try {
        if (there === undefined) await core.createNamespacedSecret({ namespace, body })
        else await core.replaceNamespacedSecret({ name, namespace, body })
      } catch (error) {
        const verb = there === undefined ? 'create' : 'update'
        throw explain(error, `${verb} secrets/${name}`, cluster)
      }
    },
  }
}

/** As pods mount certificates; the authority is nobody's to mount. */
export const certificateSecrets = (cluster: Cluster, prefix: string): SecretStore =>
  clusterSecrets(cluster, prefix, (owner) =>
    owner === 'authority' ? 'Opaque' : 'kubernetes.io/tls',
  )

const textsOf = ({ data = {} }: V1Secret): SecretTexts =>
  Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]),
  )
