import { findHome as findHomeServer, type Home } from '@mailx/client/find-home'
import { MailxError } from '@mailx/errors/mailx-error'
import { dnsResolver, type Resolver, systemResolver } from '@mailx/federation/dns-resolver'

/**
 * The server of a domain. MAILX_DNS_RESOLVER ("host:port") replaces the system's resolvers, and
 * MAILX_ALLOW_PRIVATE=1 lets the server be on this machine.
 */
export const findHome = (domain: string, pin: Uint8Array | undefined): Promise<Home> =>
  findHomeServer(domain, {
    resolver: resolverOf(process.env['MAILX_DNS_RESOLVER']),
    allowPrivate: process.env['MAILX_ALLOW_PRIVATE'] === '1',
    pin,
  })

function resolverOf(setting: string | undefined): Resolver {
  if (!setting) return systemResolver()
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(setting) ?? []
  if (host === undefined) {
    throw new MailxError('INVALID_ARGUMENT', `MAILX_DNS_RESOLVER is "${setting}": write host:port`)
  }
  return dnsResolver([{ host, port: Number(port), trusted: false }])
}
