import type { V1Pod } from '@kubernetes/client-node'
import { type Cluster, explain } from './connect-cluster.ts'

const OPS_PORT = 'ops'

/** The pods of the selector that are not done. */
export async function listPods(cluster: Cluster, selector: string): Promise<V1Pod[]> {
  const { core, namespace } = cluster
  const { items } = await core
    .listNamespacedPod({ namespace, labelSelector: selector })
    .catch((error: unknown) => {
      throw explain(error, 'list pods', cluster)
    })
  return items.filter(({ status }) => status?.phase !== 'Succeeded')
}

/** What a Helm release is selected by. */
export const ofRelease = (release: string): string => `app.kubernetes.io/instance=${release}`

/** Where a service's pod tells how it is; the servers and Jobs of a release have no such port. */
export const opsPortOf = ({ spec }: V1Pod): number | undefined =>
  spec?.containers.flatMap(({ ports = [] }) => ports).find(({ name }) => name === OPS_PORT)
    ?.containerPort
