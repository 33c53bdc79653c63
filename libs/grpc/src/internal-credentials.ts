import { X509Certificate } from 'node:crypto'
import type { PeerCertificate } from 'node:tls'
import { type ChannelCredentials, experimental } from '@grpc/grpc-js'
import { MailxError } from '@mailx/errors/mailx-error'
import { type CallerName, serviceIdOf, serviceUri } from './service-id.ts'
import type { WatchedCertificate } from './watch-certificate.ts'

/** Credentials of calls to the service `to`, whose certificate alone is accepted at the other end. */
export function internalCredentials(own: WatchedCertificate, to: CallerName): ChannelCredentials {
  const source = certificateProvider(own)
  return experimental.createCertificateProviderChannelCredentials(source, source, {
    checkServerIdentity: (_, shown) => faultOf(shown, own, to),
  })
}

function faultOf(
  { raw }: PeerCertificate,
  own: WatchedCertificate,
  to: CallerName,
): Error | undefined {
  try {
    const { deployment } = own.current().id
    const expected = serviceUri({ deployment, name: to })
    const found = serviceUri(serviceIdOf(new X509Certificate(raw)))
    if (found === expected) return undefined
    return new MailxError('UNAUTHENTICATED', `who answers is ${found}, not ${expected}`)
  } catch (error) {
    return error as Error
  }
}

/** What gRPC asks for at each new connection. */
function certificateProvider(own: WatchedCertificate): experimental.CertificateProvider {
  const unwatch = new Map<unknown, () => void>()
  const add = (listener: unknown, tell: () => void) => {
    unwatch.set(listener, own.onRenewed(tell))
    tell()
  }
  const remove = (listener: unknown) => {
    unwatch.get(listener)?.()
    unwatch.delete(listener)
  }
  return {
    addCaCertificateListener: (listener) =>
      add(listener, () => listener({ caCertificate: Buffer.from(own.current().ca) })),
    removeCaCertificateListener: remove,
    addIdentityCertificateListener: (listener) =>
      add(listener, () => {
        const { cert, key } = own.current()
        listener({ certificate: Buffer.from(cert), privateKey: Buffer.from(key) })
      }),
    removeIdentityCertificateListener: remove,
  }
}
