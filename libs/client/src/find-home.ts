import { checkedAddresses, defaultPorts } from '@mailx/federation/checked-addresses'
import { discover } from '@mailx/federation/discover'
import type { Resolver } from '@mailx/federation/dns-resolver'
import type { DomainDocument } from '@mailx/keys/domain-document'

export type HomeOptions = {
  readonly resolver: Resolver
  /** Lets the home server be on this machine or in a private network. */
  readonly allowPrivate: boolean
  /** The domain key of an earlier visit: another one is refused. */
  readonly pin?: Uint8Array | undefined
}

export type Home = {
  readonly document: DomainDocument
  /** Address and port of the client API: what is dialled. */
  readonly target: string
}

/** Ports at which a domain may have its client API; 8444 is where identity says it is unless told otherwise. */
export const clientPorts: readonly number[] = [...defaultPorts, 8444]

/** Finds the server of a domain through DNS and its well-known document. For Node programs. */
export async function findHome(domain: string, options: HomeOptions): Promise<Home> {
  const policy = { allowPrivate: options.allowPrivate, ports: new Set(defaultPorts) }
  const { resolver, pin } = options
  const { document } = await discover(domain, { resolver, policy, now: Date.now, pin })
  const clientPolicy = { ...policy, ports: new Set(clientPorts) }
  const [, host = '', port = ''] = /^(.+):(\d+)$/.exec(document.endpoints.client) ?? []
  const addresses = await checkedAddresses({ host, port: Number(port) }, resolver, clientPolicy)
  const [address = host] = addresses
  return { document, target: address.includes(':') ? `[${address}]:${port}` : `${address}:${port}` }
}
