import { authorizePeer } from '../authorize-peer.ts'
import { dialPeer, type PeerChannel } from '../dial-peer.ts'
import { authorityOf } from '../peer-authority.ts'
import type { PeerCertificate } from '../peer-certificate.ts'
import { keysOf, type ListeningPeer, listenAs } from './listening-peer.ts'
import { type MadeDomain, makeDomain } from './made-domain.ts'
import { type LeafFault, makeLeaf } from './made-leaf.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const now = Date.now

/** Three domains, connections between them, and what there is to clean up after a test. */
export async function tlsWorld() {
  const [a, b, evil] = await Promise.all([
    makeDomain('a.test'),
    makeDomain('b.test'),
    makeDomain('evil.test'),
  ])
  const cleanups: (() => unknown)[] = []
  const listening = async (...args: Parameters<typeof listenAs>): Promise<ListeningPeer> => {
    const peer = await listenAs(...args)
    cleanups.push(() => peer.listener.stop({ graceMs: 100 }))
    return peer
  }
  const dial = async (certificate: PeerCertificate, port: number, to = b): Promise<PeerChannel> => {
    const authority = authorityOf(to.document, now())
    const channel = await dialPeer({
      authority,
      certificate,
      addresses: ['127.0.0.1'],
      port,
      now,
      timeoutMs: 3000,
    })
    cleanups.push(() => channel.close())
    return channel
  }
  const authorize = (channel: PeerChannel, from = a) =>
    authorizePeer({
      channel,
      from: from.domain,
      key: from.keys.deliver,
      findKey: keysOf([a, b, evil]),
    })
  return {
    a,
    b,
    evil,
    cleanups,
    listening,
    dial,
    authorize,
    cleanUp: async () => {
      for (const cleanup of cleanups.splice(0).toReversed()) await cleanup()
    },
  }
}

export type TlsWorld = Awaited<ReturnType<typeof tlsWorld>>

const dns = (...values: string[]) => ({
  names: values.map((value) => ({ type: 'dns' as const, value })),
})
/** Every way in which a certificate can be wrong, and the reason that is given. */
export const faults: readonly [string, LeafFault, RegExp][] = [
  ['signed by itself', { selfSigned: true }, /not signed by the CA/],
  ['for a wildcard', dns('*.test'), /wildcard/],
  ['for an IP address', { names: [{ type: 'ip', value: '127.0.0.1' }] }, /plain DNS name/],
  ['with a common name only', { names: [], commonName: 'SELF' }, /no subject alternative name/],
  ['for two names', dns('SELF', 'other.test'), /exactly one domain/],
  ['in upper case', dns('UPPER'), /canonical form/],
  ['with a trailing dot', dns('SELF.'), /canonical form|valid domain/],
  ['that has expired', { from: Date.now() - 8 * DAY_MS }, /expired/],
  ['that is not yet valid', { from: Date.now() + HOUR_MS }, /not yet valid/],
  ['that is a CA', { ca: true }, /CA certificate/],
  ['for code signing', { usages: ['1.3.6.1.5.5.7.3.3'] }, /use/],
  ['with an RSA key', { rsa: true }, /must be Ed25519/],
  ['for ninety days', { days: 90 }, /over 8 days/],
]

/** Writes the domain's own name where a fault says SELF or UPPER. */
const named = (fault: LeafFault, domain: string): LeafFault => ({
  ...fault,
  ...(fault.commonName && { commonName: domain }),
  ...(fault.names && {
    names: fault.names.map(({ type, value }) => ({
      type,
      value: value.replace('SELF', domain).replace('UPPER', domain.toUpperCase()),
    })),
  }),
})

/** A leaf of the domain with a fault. */
export const leafOf = (domain: MadeDomain, fault: LeafFault, signer = domain.keys.tls) =>
  makeLeaf({ ...domain, now: now(), signer }, named(fault, domain.domain))
