import { isIP } from 'node:net'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Resolver } from './dns-resolver.ts'
import { isPublicAddress } from './public-address.ts'

export type AddressPolicy = {
  /** ALLOW_PRIVATE_PEERS: lifts the checks of address and port, for development alone. */
  readonly allowPrivate: boolean
  readonly ports: ReadonlySet<number>
}

export const defaultPorts: readonly number[] = [443, 8080, 8443]

/**
 * The addresses of a host that may be dialled at this port; dial these, and do not resolve the name
 * again. Throws ADDRESS_NOT_ALLOWED when the port or all the addresses are off limits, and
 * DISCOVERY_FAILED when the name has no address.
 */
export async function checkedAddresses(
  endpoint: { readonly host: string; readonly port: number },
  resolver: Resolver,
  policy: AddressPolicy,
): Promise<readonly string[]> {
  const { host, port } = endpoint
  if (!policy.allowPrivate && !policy.ports.has(port)) {
    const message = `port ${port} of ${host} is not among the ports that peers may use`
    throw new MailxError('ADDRESS_NOT_ALLOWED', message)
  }
  const found = isIP(host) === 0 ? await resolve(host, resolver) : [host]
  const allowed = policy.allowPrivate ? found : found.filter(isPublicAddress)
  if (allowed.length === 0) {
    throw new MailxError('ADDRESS_NOT_ALLOWED', `${host} has no address on the public Internet`)
  }
  return allowed
}

async function resolve(host: string, resolver: Resolver): Promise<readonly string[]> {
  const [four, six] = await Promise.all([resolver.address(host, 4), resolver.address(host, 6)])
  const found = [...four.records, ...six.records]
  if (found.length === 0) throw new MailxError('DISCOVERY_FAILED', `${host} has no address in DNS`)
  return found
}
