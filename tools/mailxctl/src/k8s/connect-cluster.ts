import { existsSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { ApiException, CoreV1Api, KubeConfig } from '@kubernetes/client-node'
import { MailxError } from '@mailx/errors/mailx-error'

export type ClusterOptions = {
  readonly kubeconfig?: string
  readonly context?: string
  readonly namespace?: string
}

export type Cluster = {
  readonly core: CoreV1Api
  readonly config: KubeConfig
  readonly namespace: string
  readonly name: string
}

const ACCOUNT_TOKEN = '/var/run/secrets/kubernetes.io/serviceaccount/token'

/**
 * The cluster of a kubeconfig: the one given, else KUBECONFIG, else ~/.kube/config, else the one whose
 * pod this is. Throws UNSAFE_CONFIGURATION where there is none, or it says nothing that can be used.
 */
export async function connectCluster(options: ClusterOptions): Promise<Cluster> {
  // Its thousands of types take a second to load, which no other command should wait for.
  const { CoreV1Api, KubeConfig } = await import('@kubernetes/client-node')
  const config = new KubeConfig()
  const { kubeconfig: file, context } = options
  if (file === undefined && !hasDefault()) {
    throw wrong(
      'there is no kubeconfig: name one with --kubeconfig or KUBECONFIG, or write ~/.kube/config',
    )
  }
  try {
    if (file === undefined) config.loadFromDefault()
    else config.loadFromFile(file)
  } catch (error) {
    throw wrong(`the kubeconfig cannot be read: ${reasonOf(error)}`, error)
  }
  if (context !== undefined) {
    const names = config.getContexts().map(({ name }) => name)
    if (!names.includes(context)) {
      throw wrong(
        `there is no context '${context}' in the kubeconfig (there is ${names.join(', ')})`,
      )
    }
    config.setCurrentContext(context)
  }
  const chosen = config.getContextObject(config.getCurrentContext())
  const cluster = config.getCurrentCluster()
  if (chosen === null || cluster === null) {
    throw wrong('the kubeconfig has no current context: name one with --context')
  }
  const namespace = options.namespace ?? chosen.namespace ?? 'default'
  return { core: config.makeApiClient(CoreV1Api), config, namespace, name: cluster.server }
}

const wrong = (what: string, cause?: unknown): MailxError =>
  new MailxError('UNSAFE_CONFIGURATION', what, { cause })

const hasDefault = (): boolean =>
  (process.env['KUBECONFIG'] ?? '') !== '' ||
  existsSync(join(homedir(), '.kube', 'config')) ||
  existsSync(ACCOUNT_TOKEN)

/**
 * What a call that failed means: PERMISSION_DENIED and UNAUTHENTICATED name what was asked for and by
 * whom; a server that did not answer is UNAVAILABLE.
 */
export function explain(error: unknown, asked: string, cluster: Cluster): MailxError {
  const { code } = error as Partial<ApiException<unknown>>
  const because = { cause: error }
  const where = `in namespace ${cluster.namespace}`
  if (code === 401) {
    return new MailxError(
      'UNAUTHENTICATED',
      `${cluster.name} does not know who asks: the kubeconfig's token or certificate is not valid`,
      because,
    )
  }
  if (code === 403) {
    return new MailxError(
      'PERMISSION_DENIED',
      `not allowed to ${asked} ${where} (kubectl auth can-i ${asked} -n ${cluster.namespace})`,
      because,
    )
  }
  if (code === 404) return new MailxError('NOT_FOUND', `nothing to ${asked} ${where}`, because)
  if (typeof code !== 'number') {
    const why = reasonOf(error)
    return new MailxError('UNAVAILABLE', `${cluster.name} does not answer: ${why}`, because)
  }
  return new MailxError(
    'UNAVAILABLE',
    `${cluster.name} answers ${code} to ${asked} ${where}`,
    because,
  )
}

/** The innermost reason: what the network or the file system said. */
function reasonOf(error: unknown): string {
  let inner = error
  while (inner instanceof Error && inner.cause !== undefined) inner = inner.cause
  return inner instanceof Error ? inner.message : String(inner)
}
