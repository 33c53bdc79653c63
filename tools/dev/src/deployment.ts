import { randomBytes } from 'node:crypto'
import { type InternalCertificates, makeCertificates } from './internal-certificates.ts'
import { type Backends, type Environment, giveAccess, type OwnAccess } from './own-access.ts'
import { pickPort } from './pick-port.ts'

/** Where the parts of one deployment listen, all on loopback. */
export type DeploymentPorts = {
  readonly client: number
  readonly https: number
  readonly peer: number
  readonly services: Readonly<Record<ServiceName, { readonly grpc: number; readonly ops: number }>>
  /** The ops port of the single process. */
  readonly ops: number
}

export const serviceNames = [
  'identity',
  'transparency',
  'directory',
  'storage',
  'outbound-federation',
  'inbound-federation',
  'gateway',
] as const
export type ServiceName = (typeof serviceNames)[number]

/** One deployment: the domains it hosts, its ports, and the environment of its processes. */
export type Deployment = {
  readonly name: string
  readonly domains: readonly string[]
  /** Where it is reached. */
  readonly ports: DeploymentPorts
  /** Where its processes listen, by instance: on `ports`, unless somebody stands between. */
  readonly listens: readonly [DeploymentPorts, ...DeploymentPorts[]]
  /** What all processes share. */
  readonly env: Environment
  /** By which its processes know each other when they are separate. */
  readonly certificates: InternalCertificates
} & OwnAccess

/**
 * Picks ports and secrets for a deployment. Everything that it says of itself is in the environment;
 * passwords of roles and seeds of NATS users are in files below `folder`.
 */
export async function planDeployment(input: {
  readonly name: string
  readonly domains: readonly string[]
  readonly backends: Backends
  readonly folder: string
  readonly dnsResolver: string
  readonly tracePeers?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** How many processes of each kind. Several need somebody between, who shares them out. */
  readonly instances?: number
  /** The processes listen elsewhere than where they are reached, for proxies between. */
  readonly between?: boolean
}): Promise<Deployment> {
  const ports = await pickPorts()
  const { instances = 1, between = instances > 1 } = input
  const first = between ? await pickPorts() : ports
  const others = await Promise.all(Array.from({ length: instances - 1 }, pickPorts))
  const env = {
    NODE_ENV: 'development',
    REDIS_URL: input.backends.redisUrl,
    BUS_KEY: secret(),
    SESSION_KEY: secret(),
    KEY_ENCRYPTION_KEY: secret(),
    HOSTED_DOMAINS: input.domains.join(','),
    DNS_RESOLVER: input.dnsResolver,
    ALLOW_PRIVATE_PEERS: 'true',
    TRACE_PEERS: (input.tracePeers ?? []).join(','),
    PEER_ENDPOINT: `mailx.{domain}:${ports.peer}`,
    HTTP_ENDPOINT: `https://mailx.{domain}:${ports.https}`,
    CLIENT_ENDPOINT: `mailx.{domain}:${ports.client}`,
    PEER_LISTEN: `127.0.0.1:${first.peer}`,
    HTTPS_LISTEN: `127.0.0.1:${first.https}`,
    CLIENT_LISTEN: `127.0.0.1:${first.client}`,
    OPS_LISTEN: `127.0.0.1:${first.ops}`,
    ...addressesAt(ports),
    LOG_LEVEL: 'info',
    ...input.env,
  }
  const certificates = await makeCertificates(input.name)
  const listens: Deployment['listens'] = [first, ...others]
  const { name, domains } = input
  const access = await giveAccess(input.backends, input.folder)
  return { name, domains, ports, listens, env, certificates, ...access }
}

/** What DNS has to say of the deployment's domains: the key comes from the domain itself. */
export const hostNamesOf = (deployment: Deployment): string[] =>
  deployment.domains.map((domain) => `mailx.${domain}`)

/** Where services find each other. */
export function addressesAt({ services }: DeploymentPorts) {
  const address = (service: ServiceName) => `127.0.0.1:${services[service].grpc}`
  return {
    IDENTITY_ADDRESS: address('identity'),
    TRANSPARENCY_ADDRESS: address('transparency'),
    DIRECTORY_ADDRESS: address('directory'),
    STORAGE_ADDRESS: address('storage'),
    OUTBOUND_ADDRESS: address('outbound-federation'),
    INBOUND_ADDRESS: address('inbound-federation'),
  }
}

const secret = () => randomBytes(32).toString('base64')

async function pickPorts(): Promise<DeploymentPorts> {
  const [client, https, peer, ops, ...rest] = await Promise.all(
    Array.from({ length: 4 + serviceNames.length * 2 }, pickPort),
  )
  const services = Object.fromEntries(
    serviceNames.map((name, index) => [name, { grpc: rest[index * 2], ops: rest[index * 2 + 1] }]),
  )
  return { client, https, peer, ops, services } as DeploymentPorts
}
