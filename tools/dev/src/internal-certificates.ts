import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  createAuthority,
  type DeploymentAuthority,
  issueServiceCertificate,
  type KeyedCertificate,
} from '@mailx/grpc/deployment-authority'
import type { InternalGrpc } from '@mailx/grpc/internal-grpc'
import { mutualTls } from '@mailx/grpc/mutual-tls'
import { type CallerName, callerNames } from '@mailx/grpc/service-id'
import { watchCertificate } from '@mailx/grpc/watch-certificate'
import { createLogger } from '@mailx/telemetry/logger'

/** What the services of one deployment show each other, all issued by its own authority. */
export type InternalCertificates = {
  readonly authority: DeploymentAuthority
  readonly of: Readonly<Record<CallerName, KeyedCertificate>>
}

const DAY_MS = 24 * 60 * 60 * 1000

/** They are good for a month before and after now: clocks of a deployment under test may be wrong. */
export async function makeCertificates(deployment: string): Promise<InternalCertificates> {
  const now = Date.now()
  const lifetime = { notBefore: now - 30 * DAY_MS, notAfter: now + 30 * DAY_MS }
  const authority = await createAuthority({ deployment, ...lifetime })
  const issued = callerNames.map(
    async (name) =>
      [name, await issueServiceCertificate(authority, { name, ...lifetime })] as const,
  )
  const of = Object.fromEntries(await Promise.all(issued)) as InternalCertificates['of']
  return { authority, of }
}

/** Writes them where the process `name` reads them; returns the variables that say where. */
export function giveCertificate(
  { authority, of }: InternalCertificates,
  name: CallerName,
  folder: string,
): Readonly<Record<'GRPC_CA_FILE' | 'GRPC_CERT_FILE' | 'GRPC_KEY_FILE', string>> {
  mkdirSync(folder, { recursive: true })
  const write = (file: string, text: string) => {
    const path = join(folder, file)
    writeFileSync(path, text, { mode: 0o600 })
    return path
  }
  const { certPem, keyPem } = of[name]
  return {
    GRPC_CA_FILE: write('authority.crt', authority.certPem),
    GRPC_CERT_FILE: write(`${name}.crt`, certPem),
    GRPC_KEY_FILE: write(`${name}.key`, keyPem),
  }
}

/** How the operator's tools speak with separate processes. */
export async function asOperator(
  certificates: InternalCertificates,
  folder: string,
): Promise<{ readonly internal: InternalGrpc; readonly stop: () => void }> {
  const name = 'operator'
  const given = giveCertificate(certificates, name, folder)
  const files = { ca: given.GRPC_CA_FILE, cert: given.GRPC_CERT_FILE, key: given.GRPC_KEY_FILE }
  const logger = createLogger({ service: name, level: 'silent' })
  const certificate = watchCertificate({ files, name, logger })
  await certificate.look()
  return { internal: mutualTls(certificate), stop: certificate.stop }
}
