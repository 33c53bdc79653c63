import type { TLSSocket } from 'node:tls'
import { MailxError } from '@mailx/errors/mailx-error'
import { LRUCache } from 'lru-cache'
import type { PeerAuthority } from './peer-authority.ts'
import { checkLeaf, domainOfLeaf } from './peer-certificate.ts'

export type VerifyPeerOptions = {
  /** Throws PEER_NOT_ALLOWED for a domain that the federation policy keeps out. */
  readonly admit: (domain: string) => void
  /** The peer's CA; `fresh` asks the peer anew. Rejects with the reason of a failed discovery. */
  readonly authorityOf: (domain: string, fresh: boolean) => Promise<PeerAuthority>
  readonly now: () => number
  readonly timeoutMs: number
}

export type VerifyPeer = (socket: TLSSocket) => Promise<string>

/**
 * The verdict on a dialling peer: its domain, or PEER_NOT_AUTHENTIC, PEER_NOT_ALLOWED or the error of
 * its discovery. TLS has proved that the peer holds the leaf's key, and nothing else.
 */
export function peerVerifier(options: VerifyPeerOptions): VerifyPeer {
  /** A stranger can make us look a domain up anew, but not more often than this. */
  const renewed = new LRUCache<string, true>({ max: 1000, ttl: 60_000 })

  return async (socket) => {
    if (socket.isSessionReused()) throw refusal('a resumed TLS session shows no fresh certificate')
    if (socket.alpnProtocol !== 'h2') throw refusal('the peer does not speak HTTP/2 (ALPN h2)')
    const leaf = socket.getPeerX509Certificate()
    if (leaf === undefined) throw refusal('the peer presented no certificate')
    const domain = domainOfLeaf(leaf)
    options.admit(domain)
    const check = async (fresh: boolean) => {
      const authority = await options.authorityOf(domain, fresh)
      checkLeaf(leaf, { domain, authority, purpose: 'client', now: options.now() })
    }
    const verdict = async () => {
      try {
        await check(false)
      } catch (error) {
        // The peer may have a new CA that our copy of its document does not show yet.
        if (!isNotAuthentic(error) || renewed.has(domain)) throw error
        renewed.set(domain, true)
        await check(true)
      }
      return domain
    }
    return withTimeout(verdict(), options.timeoutMs, domain)
  }
}

const isNotAuthentic = (error: unknown): boolean =>
  error instanceof MailxError && error.code === 'PEER_NOT_AUTHENTIC'

const refusal = (reason: string) => new MailxError('PEER_NOT_AUTHENTIC', reason)

function withTimeout<T>(work: Promise<T>, timeoutMs: number, domain: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new MailxError('DISCOVERY_FAILED', `${domain} was not discovered in ${timeoutMs} ms`))
    }, timeoutMs)
    work.finally(() => clearTimeout(timer)).then(resolve, reject)
  })
}
