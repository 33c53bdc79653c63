import { once } from 'node:events'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text as textOf } from 'node:stream/consumers'
import { forwardPorts } from './forward-ports.ts'
import { madeCertificate } from './made-certificate.ts'

export type Pod = {
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> }
  readonly spec: unknown
  readonly status: unknown
}

export type Secret = {
  readonly metadata: { readonly name: string; readonly resourceVersion?: string }
  readonly type: string
  readonly data: Readonly<Record<string, string>>
}

/** What the server holds, in one namespace, and what a token may do. May be changed while it runs. */
export type World = {
  namespace: string
  pods: Pod[]
  secrets: Secret[]
  /** By `pod:port/path`: what the process there answers to GET. */
  answers: Record<string, string>
  /** By `pod/container`, and `pod/container/previous`. */
  logs?: Record<string, string>
  /**
   * By token: `list pods`, `get pods/log`, `create pods/portforward`, and list, get, create and update of
   * `secrets`.
   */
  rights: Record<string, readonly string[]>
}

export type ApiServer = {
  /** A kubeconfig whose one context uses this server and the token. */
  kubeconfig(token: string): string
  stop(): Promise<void>
}

/** The part of the Kubernetes API that mailxctl uses, over TLS, with tokens, rights and selectors. */
export async function startApiServer(world: World): Promise<ApiServer> {
  const inAnHour = new Date(Date.now() + 60 * 60 * 1000)
  const { certificate, key } = await madeCertificate('kubernetes', inAnHour)
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const token = request.headers.authorization?.replace('Bearer ', '') ?? ''
    const url = new URL(request.url ?? '/', 'https://127.0.0.1')
    void textOf(request).then((sent) => {
      const asked = { method: request.method ?? 'GET', token, url, sent }
      const { status, type = 'application/json', body } = answer(world, asked)
      response.writeHead(status, { 'content-type': type })
      response.end(typeof body === 'string' ? body : JSON.stringify(body))
    })
  })
  forwardPorts(server, world)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    kubeconfig: (token) =>
      JSON.stringify({
        apiVersion: 'v1',
        kind: 'Config',
        'current-context': 'there',
        contexts: [
          { name: 'there', context: { cluster: 'c', user: 'u', namespace: world.namespace } },
        ],
        clusters: [
          {
            name: 'c',
            cluster: {
              server: `https://127.0.0.1:${port}`,
              'certificate-authority-data': Buffer.from(certificate).toString('base64'),
            },
          },
        ],
        users: [{ name: 'u', user: { token } }],
      }),
    stop: () => close(server),
  }
}

type Answer = { readonly status: number; readonly type?: string; readonly body: unknown }

type Asked = {
  readonly method: string
  readonly token: string
  readonly url: URL
  readonly sent: string
}

function answer(world: World, { method, token, url, sent }: Asked): Answer {
  const { pathname, searchParams } = url
  const rights = world.rights[token]
  if (rights === undefined) return failure(401, 'Unauthorized')
  const base = `/api/v1/namespaces/${world.namespace}`
  if (!pathname.startsWith(`${base}/`)) return failure(403, 'another namespace')
  const [resource = '', name = '', ...rest] = pathname.slice(base.length + 1).split('/')
  const verb = { POST: 'create', PUT: 'update' }[method] ?? (name === '' ? 'list' : 'get')
  const right = `${verb} ${[resource, ...rest].join('/')}`
  if (!rights.includes(right)) return failure(403, `cannot ${right}`)
  if (right === 'get pods/log') {
    const previous = searchParams.get('previous') === 'true' ? '/previous' : ''
    const text = world.logs?.[`${name}/${searchParams.get('container')}${previous}`]
    return text === undefined
      ? failure(400, 'no such log')
      : { status: 200, type: 'text/plain', body: text }
  }
  if (right === 'list pods') {
    const wanted = pairs(searchParams.get('labelSelector'))
    const items = world.pods.filter(({ metadata: { labels } }) =>
      wanted.every(([label, value]) => labels[label] === value),
    )
    return { status: 200, body: { apiVersion: 'v1', kind: 'PodList', items } }
  }
  if (right !== 'list secrets') return ofSecret(world, verb, name, sent)
  const [[field, type] = []] = pairs(searchParams.get('fieldSelector'))
  const items = world.secrets.filter((secret) => field !== 'type' || secret.type === type)
  return { status: 200, body: { apiVersion: 'v1', kind: 'SecretList', items } }
}

type SentSecret = Omit<Secret, 'data'> & { readonly stringData: Readonly<Record<string, string>> }

function ofSecret(world: World, verb: string, name: string, sent: string): Answer {
  const there = world.secrets.find(({ metadata }) => metadata.name === name)
  if (verb === 'get') return there ? { status: 200, body: there } : failure(404, 'not found')
  const { stringData, metadata, ...rest } = JSON.parse(sent) as SentSecret
  const stale = there?.metadata.resourceVersion !== metadata.resourceVersion
  if (stale) return failure(409, 'the object has been modified')
  const encoded = Object.entries(stringData).map(([key, value]) => [
    key,
    Buffer.from(value).toString('base64'),
  ])
  const resourceVersion = String(Number(there?.metadata.resourceVersion ?? 0) + 1)
  const data = Object.fromEntries(encoded) as Secret['data']
  const written = { ...rest, metadata: { ...metadata, resourceVersion }, data }
  world.secrets = [...world.secrets.filter((one) => one !== there), written]
  return { status: 200, body: written }
}

const pairs = (selector: string | null): [string, string][] =>
  (selector ?? '')
    .split(',')
    .filter((each) => each !== '')
    .map((each) => each.split('=', 2) as [string, string])

const failure = (status: number, message: string): Answer => ({
  status,
  body: { apiVersion: 'v1', kind: 'Status', status: 'Failure', message, code: status },
})

async function close(server: Server): Promise<void> {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}
