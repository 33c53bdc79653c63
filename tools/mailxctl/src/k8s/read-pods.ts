import type { V1Pod } from '@kubernetes/client-node'
import { parsePrometheus, type Sample } from '../status/parse-prometheus.ts'
import type { Cluster } from './connect-cluster.ts'
import { getFromPod } from './get-from-pod.ts'
import { listPods, opsPortOf } from './list-pods.ts'

/** A pod, and what its process says of itself on its ops port. */
export type PodReport = {
  readonly pod: string
  readonly service: string
  /** As the process says; `unknown` where it does not, as NATS. */
  readonly version: string
  readonly image: string
  readonly ready: boolean
  /** Why it is not ready, as far as Kubernetes knows. */
  readonly reason: string
  readonly restarts: number
  readonly createdAt: Date | undefined
  /** Undefined when there are none, as of NATS, or they could not be read. */
  readonly samples: readonly Sample[] | undefined
  /** Why they could not be read; empty where there are none. */
  readonly unread: string
}

/** The pods of the selector that are not done, each asked for its metrics on its ops port. */
export async function readPods(cluster: Cluster, selector: string): Promise<PodReport[]> {
  const pods = await listPods(cluster, selector)
  return Promise.all(pods.map((pod) => readPod(cluster, pod)))
}

async function readPod(cluster: Cluster, pod: V1Pod): Promise<PodReport> {
  const { metadata, spec, status } = pod
  const labels = metadata?.labels ?? {}
  const container = spec?.containers[0]
  const states = status?.containerStatuses ?? []
  const ready = status?.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
  const name = metadata?.name ?? ''
  const { samples, unread } = await readMetrics(cluster, name, opsPortOf(pod))
  const build = samples?.find((sample) => sample.name === 'mailx_build_info')
  return {
    pod: name,
    service: labels['app.kubernetes.io/component'] ?? container?.name ?? '',
    version: build?.labels['version'] ?? 'unknown',
    image: container?.image ?? '',
    ready,
    reason: ready ? '' : reasonOf(pod),
    restarts: states.reduce((sum, { restartCount }) => sum + restartCount, 0),
    createdAt: metadata?.creationTimestamp,
    samples,
    unread,
  }
}

async function readMetrics(
  cluster: Cluster,
  pod: string,
  port: number | undefined,
): Promise<Pick<PodReport, 'samples' | 'unread'>> {
  if (port === undefined) return { samples: undefined, unread: '' }
  try {
    const text = await getFromPod(cluster, { pod, port }, '/metrics')
    return { samples: parsePrometheus(text), unread: '' }
  } catch (error) {
    return { samples: undefined, unread: error instanceof Error ? error.message : String(error) }
  }
}

function reasonOf({ status }: V1Pod): string {
  const all = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])]
  const waiting = all.find(({ state }) => state?.waiting?.reason)?.state?.waiting
  if (waiting !== undefined) return [waiting.reason, waiting.message].filter(Boolean).join(': ')
  const ended = all.find(({ ready, state }) => !ready && state?.terminated)?.state?.terminated
  if (ended !== undefined) return `${ended.reason ?? 'ended'}, exit code ${ended.exitCode}`
  const condition = status?.conditions?.find((each) => each.status === 'False' && each.message)
  return condition?.message ?? status?.reason ?? status?.phase ?? 'unknown'
}
