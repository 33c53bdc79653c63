import type { V1Pod } from '@kubernetes/client-node'
import { type Cluster, explain } from './connect-cluster.ts'

const LINES = 1_000

/**
 * The ends of the logs of every container of the pods, by `pod/container`; of one that was started
 * again also what it said before (`pod/container/previous`). A log that cannot be had is the reason.
 */
export async function readLogs(
  cluster: Cluster,
  pods: readonly V1Pod[],
): Promise<Record<string, string>> {
  const wanted = pods.flatMap(({ metadata, status }) =>
    [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])].flatMap(
      ({ name, restartCount }) =>
        (restartCount > 0 ? [false, true] : [false]).map((previous) => ({
          pod: metadata?.name ?? '',
          container: name,
          previous,
        })),
    ),
  )
  const { core, namespace } = cluster
  const logs = wanted.map(async ({ container, pod, previous }) => {
    const asked = { name: pod, namespace, container, previous, tailLines: LINES }
    const text = await core
      .readNamespacedPodLog(asked)
      .catch((error: unknown) => explain(error, 'get pods/log', cluster).message)
    return [`${pod}/${container}${previous ? '/previous' : ''}`, text] as const
  })
  return Object.fromEntries(await Promise.all(logs))
}
