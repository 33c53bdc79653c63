import { isIP } from 'node:net'
import { checkServerIdentity, type PeerCertificate, type SecureContext } from 'node:tls'
import { lastGood } from '@mailx/config/last-good'
import { MailxError } from '@mailx/errors/mailx-error'
import { type Authenticator, nkeyAuthenticator, nkeys } from '@nats-io/nats-core'
import type { NodeConnectionOptions } from '@nats-io/transport-node'

export type NatsAccess = {
  /**
   * One or several servers of a cluster, separated by commas. User and password may be in it. A
   * function is asked for those at each connection; which servers there are is settled by the first.
   */
  readonly url: string | (() => string)
  /** The seed of a user's nkey (SU…), asked for at every connection. */
  readonly seed?: () => string
  /** Asked for each connection, which is by TLS then; it is, too, when a server of the URL is tls://. */
  readonly tls?: () => SecureContext
}

/**
 * Where to connect and as whom. Throws INVALID_ARGUMENT for a seed that is none, UNAVAILABLE when there
 * is nothing good to make TLS with.
 */
export function natsAccess({ seed, tls, url }: NatsAccess): NodeConnectionOptions {
  // What an authenticator throws ends a connection for good: all is tried before it is used.
  const urls = lastGood({
    read: () =>
      (typeof url === 'string' ? url : url()).split(',').map((one) => new URL(one.trim())),
    onTrouble: () => {},
  })
  const servers = urls()
  const authenticator: Authenticator[] = [() => credentialsOf(urls())]
  if (seed !== undefined) authenticator.push(byNkey(seed))
  const byTls = tls !== undefined || servers.some(({ protocol }) => protocol === 'tls:')
  return {
    servers: servers.map(({ hostname, port }) => `${hostname}:${port || '4222'}`),
    authenticator,
    ...(byTls && { tls: verifiedTls(servers, tls) }),
  }
}

function credentialsOf(urls: readonly URL[]): ReturnType<Authenticator> {
  const { username = '', password = '' } = urls.findLast((url) => url.username !== '') ?? {}
  if (password !== '') {
    return { user: decodeURIComponent(username), pass: decodeURIComponent(password) }
  }
  return username === '' ? undefined : { auth_token: decodeURIComponent(username) }
}

function byNkey(seed: () => string): Authenticator {
  const read = () => {
    const bytes = utf8.encode(seed())
    try {
      nkeys.fromSeed(bytes)
    } catch {
      throw new MailxError('INVALID_ARGUMENT', 'NATS_SEED is not the seed of a user')
    }
    return bytes
  }
  // Whether the seed is in force, the server says.
  const good = lastGood({ read, onTrouble: () => {} })
  good()
  return nkeyAuthenticator(good)
}

const utf8 = new TextEncoder()

function verifiedTls(servers: readonly URL[], tls: (() => SecureContext) | undefined) {
  tls?.()
  const hosts = servers.map(({ hostname }) => hostname.replace(/^\[|\]$/g, ''))
  return {
    handshakeFirst: false,
    rejectUnauthorized: true,
    get secureContext() {
      return tls?.()
    },
    checkServerIdentity: (name: string, shown: PeerCertificate) => faultOf(name, shown, hosts),
  }
}

/**
 * The client tells Node no name where it dials an address of the URL, and Node takes that for
 * localhost: the certificate has to be for such an address then.
 */
function faultOf(name: string, shown: PeerCertificate, hosts: readonly string[]) {
  const addresses = hosts.filter((host) => isIP(host) !== 0)
  if (name !== 'localhost' || hosts.includes(name) || addresses.length === 0) {
    return checkServerIdentity(name, shown)
  }
  const faults = addresses.map((address) => checkServerIdentity(address, shown))
  return faults.includes(undefined) ? undefined : faults[0]
}
