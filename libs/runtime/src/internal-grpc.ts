import type { CommonConfig } from '@mailx/config/common'
import { MailxError } from '@mailx/errors/mailx-error'
import { type InternalGrpc, plainGrpc } from '@mailx/grpc/internal-grpc'
import { mutualTls } from '@mailx/grpc/mutual-tls'
import { type WatchedCertificate, watchCertificate } from '@mailx/grpc/watch-certificate'
import type { Logger } from '@mailx/telemetry/logger'
import { keepTrying, type Waiting } from './keep-trying.ts'
import type { Check } from './readiness.ts'

export type OpenInternalGrpc = {
  /** Resolves when it can be used: with a certificate, that is, where it takes one. */
  open(waiting: Waiting): Promise<InternalGrpc>
  /** About the certificate; without one there is nothing to check. */
  checks(): readonly Check[]
  stop(): void
}

type Config = Pick<CommonConfig, 'GRPC_CA_FILE' | 'GRPC_CERT_FILE' | 'GRPC_KEY_FILE' | 'NODE_ENV'>

export type InternalGrpcOptions = {
  /** The service that this process is. */
  readonly name: string
  /** All services are in this process: they speak over loopback, and have no certificates. */
  readonly together: boolean
  readonly logger: Logger
  readonly pollMs?: number
}

/**
 * How this process speaks with the other services: by mutual TLS, or in plain text within a process or
 * on a developer's machine. Throws INVALID_ARGUMENT when some of the files are not named, and
 * UNSAFE_CONFIGURATION for plain text in production.
 */
export function openInternalGrpc(
  { GRPC_CA_FILE: ca, GRPC_CERT_FILE: cert, GRPC_KEY_FILE: key, NODE_ENV }: Config,
  { name, together, logger, ...polling }: InternalGrpcOptions,
): OpenInternalGrpc {
  if (together) return inPlainText
  const files = { GRPC_CA_FILE: ca, GRPC_CERT_FILE: cert, GRPC_KEY_FILE: key }
  if (ca !== undefined && cert !== undefined && key !== undefined) {
    return byCertificate(watchCertificate({ files: { ca, cert, key }, name, logger, ...polling }))
  }
  const missing = Object.entries(files).filter(([, file]) => file === undefined)
  if (missing.length < 3) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      `mutual TLS between the services takes three files: set ${missing.map(([variable]) => variable).join(' and ')}, too`,
    )
  }
  if (NODE_ENV === 'production') {
    throw new MailxError(
      'UNSAFE_CONFIGURATION',
      'in production the services speak with each other by mutual TLS alone: set GRPC_CA_FILE, GRPC_CERT_FILE and GRPC_KEY_FILE (mailxctl certificates makes them)',
    )
  }
  return inPlainText
}

const inPlainText: OpenInternalGrpc = {
  open: async () => plainGrpc,
  checks: () => [],
  stop: () => {},
}

const byCertificate = (certificate: WatchedCertificate): OpenInternalGrpc => ({
  open: (waiting) =>
    keepTrying(
      {
        trouble: 'the services cannot speak with each other without a good certificate',
        attempt: async () => {
          await certificate.look()
          certificate.current()
          return mutualTls(certificate)
        },
        passes: (error) => error instanceof MailxError && error.code === 'UNAVAILABLE',
      },
      waiting,
    ),
  checks: () => {
    const trouble = certificate.trouble()
    const ok = certificate.usable()
    return [{ name: 'internal certificate', ok, ...(trouble !== undefined && { detail: trouble }) }]
  },
  stop: () => certificate.stop(),
})
