/**
 * The certificates by which the services of a deployment know each other:
 *  1. the authority: made once, read by nobody else
 *  2. for each service what it reads: made when it is missing, and anew when half of its time is over
 *     or it is not of this authority
 * What is good stays as it is; it may run as often as one likes.
 */
import { X509Certificate } from 'node:crypto'
import { MailxError } from '@mailx/errors/mailx-error'
import {
  createAuthority,
  type DeploymentAuthority,
  issueServiceCertificate,
} from '@mailx/grpc/deployment-authority'
import { parseDeploymentCertificate } from '@mailx/grpc/deployment-certificate'
import { type CallerName, callerNames } from '@mailx/grpc/service-id'
import type { SecretStore, SecretTexts } from './secret-store.ts'

type Request = {
  /** What the certificates call it: spiffe://<deployment>/<service>. */
  readonly deployment: string
  readonly owners: readonly CallerName[]
  readonly now: number
}

export type Issued = {
  readonly place: string
  readonly outcome: 'made' | 'renewed' | 'kept'
  readonly expiresAt: Date
}

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const LIFETIME_MS = 30 * DAY_MS
const AUTHORITY_LIFETIME_MS = 3_650 * DAY_MS
/** Issued as of an hour ago, so that a machine whose clock is behind takes it at once. */
const BACKDATE_MS = HOUR_MS

export const services = callerNames.filter((name) => name !== 'operator')

/** Rejects with what the store rejects with; whatever was issued by then stays. */
export async function issueCertificates(
  store: SecretStore,
  request: Request,
): Promise<readonly Issued[]> {
  const { authority, issued } = await authorityOf(store, request)
  const all = [issued]
  for (const name of request.owners) all.push(await certificateOf(store, request, authority, name))
  return all
}

type Authority = { readonly authority: DeploymentAuthority; readonly issued: Issued }

async function authorityOf(store: SecretStore, { deployment, now }: Request): Promise<Authority> {
  const place = store.placeOf('authority')
  const { 'ca.crt': certPem = '', 'ca.key': keyPem = '' } = (await store.read('authority')) ?? {}
  if (certPem !== '' && keyPem !== '') {
    const expiresAt = new Date(new X509Certificate(certPem).validTo)
    if (expiresAt.getTime() - now > LIFETIME_MS) {
      const issued = { place, outcome: 'kept', expiresAt } as const
      return { authority: { deployment, certPem, keyPem }, issued }
    }
    throw new MailxError(
      'FAILED_PRECONDITION',
      `the authority in ${place} expires on ${expiresAt.toISOString()}: delete it, and run this again`,
    )
  }
  const notAfter = now + AUTHORITY_LIFETIME_MS
  const lifetime = { notBefore: now - BACKDATE_MS, notAfter }
  const authority = await createAuthority({ deployment, ...lifetime })
  await store.write('authority', { 'ca.crt': authority.certPem, 'ca.key': authority.keyPem })
  return { authority, issued: { place, outcome: 'made', expiresAt: new Date(notAfter) } }
}

async function certificateOf(
  store: SecretStore,
  { now }: Request,
  authority: DeploymentAuthority,
  name: CallerName,
): Promise<Issued> {
  const place = store.placeOf(name)
  const there = await store.read(name)
  const goodUntil = goodUntilOf(there ?? {}, authority, name, now)
  if (goodUntil - now > LIFETIME_MS / 2) {
    return { place, outcome: 'kept', expiresAt: new Date(goodUntil) }
  }
  const notAfter = now + LIFETIME_MS
  const lifetime = { notBefore: now - BACKDATE_MS, notAfter }
  const { certPem, keyPem } = await issueServiceCertificate(authority, { name, ...lifetime })
  const texts = { 'ca.crt': authority.certPem, 'tls.crt': certPem, 'tls.key': keyPem }
  await store.write(name, texts)
  const outcome = there === undefined ? 'made' : 'renewed'
  return { place, outcome, expiresAt: new Date(notAfter) }
}

/** Until when what is there will do; 0 where it will not do at all. */
function goodUntilOf(
  { 'ca.crt': ca = '', 'tls.crt': cert = '', 'tls.key': key = '' }: SecretTexts,
  { certPem, deployment }: DeploymentAuthority,
  name: CallerName,
  now: number,
): number {
  if (ca !== certPem) return 0
  try {
    const { id, notAfter } = parseDeploymentCertificate({ ca, cert, key }, { name, now })
    return id.deployment === deployment ? notAfter : 0
  } catch (error) {
    if (error instanceof MailxError) return 0
    throw error
  }
}
