import { type ClusterOptions, connectCluster } from '../k8s/connect-cluster.ts'
import { getFromPod } from '../k8s/get-from-pod.ts'
import { listPods, ofRelease, opsPortOf } from '../k8s/list-pods.ts'

/** Where a process tells how it is, and the way to ask it. */
export type OpsPort = {
  readonly url: string
  readonly get: (path: string) => Promise<string>
}

export type OpsOptions = ClusterOptions & {
  /** Left out: OPS_URLS, separated by commas. */
  readonly ops?: readonly string[]
  /** A Helm release, whose pods are asked by the Kubernetes API. Left out: MAILX_RELEASE. */
  readonly release?: string
}

const TIMEOUT_MS = 5_000

/** The release to look at; undefined outside of Kubernetes, and where ops ports are named. */
export const releaseOf = ({ ops, release }: OpsOptions): string | undefined =>
  release ?? (ops === undefined ? process.env['MAILX_RELEASE'] || undefined : undefined)

/** The ops ports that the options name. Rejects as `explain` says where Kubernetes does not tell them. */
export async function opsPorts(options: OpsOptions): Promise<OpsPort[]> {
  const release = releaseOf(options)
  if (release !== undefined) return portsOfRelease(options, release)
  return (options.ops ?? process.env['OPS_URLS']?.split(',') ?? [])
    .filter(Boolean)
    .map((url) => (url.includes('://') ? url : `http://${url}`))
    .map((url) => ({ url, get: (path) => getText(`${url}${path}`) }))
}

async function portsOfRelease(options: ClusterOptions, release: string): Promise<OpsPort[]> {
  const cluster = await connectCluster(options)
  const pods = await listPods(cluster, ofRelease(release))
  return pods.flatMap((pod) => {
    const port = opsPortOf(pod)
    if (port === undefined) return []
    const name = pod.metadata?.name ?? ''
    return [{ url: name, get: (path: string) => getFromPod(cluster, { pod: name, port }, path) }]
  })
}

async function getText(url: string): Promise<string> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS) })
  return response.text()
}
