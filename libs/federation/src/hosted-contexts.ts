import { createSecureContext, type SecureContext } from 'node:tls'
import { tlsFloor } from '@mailx/grpc/tls-floor'
import type { PeerCertificate } from './peer-certificate.ts'

/**
 * Picks the TLS context of a hosted domain. A renewed certificate is used from the next handshake
 * on; connections that are open keep theirs and go on.
 */
export function hostedContexts(
  certificateOf: (domain: string) => PeerCertificate | undefined,
): (domain: string) => SecureContext | undefined {
  const made = new Map<string, { certificate: PeerCertificate; context: SecureContext }>()
  return (domain) => {
    const certificate = certificateOf(domain)
    if (certificate === undefined) {
      made.delete(domain)
      return undefined
    }
    const known = made.get(domain)
    if (known?.certificate === certificate) return known.context
    const { certPem: cert, keyPem: key } = certificate
    const context = createSecureContext({ cert, key, ...tlsFloor })
    made.set(domain, { certificate, context })
    return context
  }
}
