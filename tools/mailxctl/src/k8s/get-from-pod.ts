import { once } from 'node:events'
import { request } from 'node:http'
import { Duplex, PassThrough } from 'node:stream'
import { text as textOf } from 'node:stream/consumers'
import { MailxError } from '@mailx/errors/mailx-error'
import { type Cluster, explain } from './connect-cluster.ts'

export type PodPort = { readonly pod: string; readonly port: number }

const ANSWER_WITHIN_MS = 10_000
const RIGHT = 'create pods/portforward'

/**
 * The text of GET `path` at a port of a pod, by the way that `kubectl port-forward` takes: the kubelet
 * itself dials the port, which no NetworkPolicy is in the way of. Rejects with UNAVAILABLE, and as
 * `explain` says.
 */
export async function getFromPod(
  cluster: Cluster,
  { pod, port }: PodPort,
  path: string,
): Promise<string> {
  const { PortForward } = await import('@kubernetes/client-node')
  const [fromPod, toPod, trouble] = [new PassThrough(), new PassThrough(), new PassThrough()]
  const socket = await new PortForward(cluster.config)
    .portForward(cluster.namespace, pod, [port], fromPod, trouble, toPod)
    .catch((error: unknown) => {
      throw explain(refusalOf(error), RIGHT, cluster)
    })
  if (typeof socket === 'function') throw new Error('a forwarding that starts again is not wanted')
  const through = Duplex.from({ readable: fromPod, writable: toPod })
  trouble.once('data', (said) => through.destroy(new Error(String(said).trim())))
  socket.on('close', () => fromPod.end())
  try {
    const asking = request({
      path,
      headers: { host: pod },
      createConnection: () => through,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
    })
    const [answer] = await once(asking.end(), 'response')
    return await textOf(answer)
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error)
    throw new MailxError('UNAVAILABLE', `port ${port}: ${why}`, {
      cause: error,
    })
  } finally {
    through.destroy()
    socket.terminate()
  }
}

/** Of an upgrade that was refused, only the message has the status. */
function refusalOf(event: unknown): unknown {
  const { message = '', error } = event as { message?: string; error?: unknown }
  const status = /^Unexpected server response: (\d+)$/.exec(message)?.[1]
  return status === undefined ? (error ?? event) : { code: Number(status) }
}
