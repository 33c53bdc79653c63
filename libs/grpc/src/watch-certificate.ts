import { readFile } from 'node:fs/promises'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Logger } from '@mailx/telemetry/logger'
import { gauge } from '@mailx/telemetry/metrics'
import {
  type CertificateText,
  type DeploymentCertificate,
  parseDeploymentCertificate,
} from './deployment-certificate.ts'
import { serviceUri } from './service-id.ts'

/** A service's certificate inside the deployment, kept up to date from its files. */
export type WatchedCertificate = {
  /** The newest that was good when it was read. Throws UNAVAILABLE, with the reason, before the first. */
  current(): DeploymentCertificate
  /** What is wrong with the files as they are, if anything is. */
  trouble(): string | undefined
  /** Whether others accept `current` now. */
  usable(): boolean
  /** Looks at the files. Runs by itself; files that are no good leave what was there. */
  look(): Promise<void>
  onRenewed(listener: (certificate: DeploymentCertificate) => void): () => void
  stop(): void
}

export type WatchCertificateOptions = {
  /** Paths. */
  readonly files: CertificateText
  /** The service whose certificate it has to be. */
  readonly name: string
  readonly logger: Logger
  readonly now?: () => number
  readonly pollMs?: number
}

const EXPIRED = 'GRPC_CERT_FILE, or an authority above it, has expired: renew it'

const expiry = gauge({
  name: 'mailx_certificate_expiry_timestamp_seconds',
  help: 'When the certificate runs out that a hosted domain, or a service inside, shows.',
  labelNames: ['service', 'domain'],
})

/** Starts looking; call `look` to have looked once. */
export function watchCertificate({
  files,
  name,
  logger,
  now = Date.now,
  pollMs = 5_000,
}: WatchCertificateOptions): WatchedCertificate {
  const listeners = new Set<(certificate: DeploymentCertificate) => void>()
  let current: DeploymentCertificate | undefined
  let trouble: string | undefined

  let looking: Promise<void> | undefined

  const look = () => {
    looking ??= lookOnce().finally(() => {
      looking = undefined
    })
    return looking
  }
  const lookOnce = async () => {
    const before = trouble
    try {
      const found = parseDeploymentCertificate(await readAll(files), { name, now: now() })
      trouble = undefined
      if (current === undefined || !same(found, current)) take(found)
    } catch (error) {
      trouble = error instanceof MailxError ? error.message : String(error)
    }
    // Before the first, whoever waits for it tells what they wait for.
    if (current === undefined || trouble === before) return
    if (trouble === undefined) logger.info('the certificate for internal gRPC is good again')
    else logger.error({ files }, `the certificate for internal gRPC is no good: ${trouble}`)
  }
  const take = (found: DeploymentCertificate) => {
    const renewed = current !== undefined
    if (current !== undefined) expiry.remove(labelsOf(current))
    current = found
    expiry.set(labelsOf(found), found.notAfter / 1000)
    for (const listener of listeners) listener(found)
    const until = new Date(found.notAfter).toISOString()
    if (renewed) logger.info({ until }, 'internal gRPC goes on with a new certificate')
  }
  const labelsOf = ({ id }: DeploymentCertificate) => ({ service: name, domain: serviceUri(id) })

  const expired = () => current !== undefined && now() >= current.notAfter

  const timer = setInterval(() => void look(), pollMs)
  timer.unref()
  return {
    current: () => {
      if (current !== undefined) return current
      throw new MailxError('UNAVAILABLE', trouble ?? 'the certificate was not looked at yet')
    },
    trouble: () => trouble ?? (expired() ? EXPIRED : undefined),
    usable: () => current !== undefined && !expired(),
    look,
    onRenewed: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    stop: () => {
      clearInterval(timer)
      if (current !== undefined) expiry.remove(labelsOf(current))
    },
  }
}

async function readAll({ ca, cert, key }: CertificateText): Promise<CertificateText> {
  return {
    ca: await read('GRPC_CA_FILE', ca),
    cert: await read('GRPC_CERT_FILE', cert),
    key: await read('GRPC_KEY_FILE', key),
  }
}

async function read(variable: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new MailxError('UNAVAILABLE', `${variable} cannot be read: ${code} (${path})`)
  }
}

const same = (left: CertificateText, right: CertificateText): boolean =>
  left.ca === right.ca && left.cert === right.cert && left.key === right.key
