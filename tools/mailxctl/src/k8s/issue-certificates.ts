/**
 * The certificates by which the services of a deployment know each other, kept in Secrets:
 *  1. the authority, `<prefix>-authority`: made once, read by nobody else
 *  2. one Secret for each service, `<prefix>-<service>`, with what its pods mount: made when it is
 *     missing, and anew when half of its time is over or it is not of this authority
 * What is good stays as it is; it may run as often as one likes.
 */
import { X509Certificate } from 'node:crypto'
import type { V1Secret } from '@kubernetes/client-node'
import { MailxError } from '@mailx/errors/mailx-error'
import {
  createAuthority,
  type DeploymentAuthority,
  issueServiceCertificate,
} from '@mailx/grpc/deployment-authority'
import { parseDeploymentCertificate } from '@mailx/grpc/deployment-certificate'
import { type CallerName, callerNames } from '@mailx/grpc/service-id'
import { type Cluster, explain } from './connect-cluster.ts'

export type IssueOptions = {
  /** What the names of the Secrets begin with. */
  readonly prefix: string
  /** What the certificates call it: spiffe://<deployment>/<service>. */
  readonly deployment: string
  readonly now: number
}

export type Issued = {
  readonly secret: string
  readonly outcome: 'made' | 'renewed' | 'kept'
  readonly expiresAt: Date
}

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS
const LIFETIME_MS = 30 * DAY_MS
const AUTHORITY_LIFETIME_MS = 3_650 * DAY_MS
/** Issued as of an hour ago, so that a node whose clock is behind takes it at once. */
const BACKDATE_MS = HOUR_MS

const services = callerNames.filter((name) => name !== 'operator')

/** Rejects with PERMISSION_DENIED or UNAVAILABLE; whatever was issued by then stays. */
export async function issueCertificates(
  cluster: Cluster,
  options: IssueOptions,
): Promise<readonly Issued[]> {
  const { authority, issued } = await authorityOf(cluster, options)
  const all = [issued]
  for (const name of services) all.push(await certificateOf(cluster, options, authority, name))
  return all
}

type Authority = { readonly authority: DeploymentAuthority; readonly issued: Issued }

async function authorityOf(cluster: Cluster, options: IssueOptions): Promise<Authority> {
  const { deployment, now } = options
  const secret = `${options.prefix}-authority`
  const there = await read(cluster, secret)
  const [certPem, keyPem] = [textOf(there, 'ca.crt'), textOf(there, 'ca.key')]
  const kept: Pick<Authority, 'authority'> = { authority: { deployment, certPem, keyPem } }
  if (certPem !== '' && keyPem !== '') {
    const expiresAt = new Date(new X509Certificate(certPem).validTo)
    if (expiresAt.getTime() - now > LIFETIME_MS) {
      return { ...kept, issued: { secret, outcome: 'kept', expiresAt } }
    }
    throw new MailxError(
      'FAILED_PRECONDITION',
      `the authority in secret ${secret} expires on ${expiresAt.toISOString()}: delete the secret, and run this again`,
    )
  }
  const notAfter = now + AUTHORITY_LIFETIME_MS
  const lifetime = { notBefore: now - BACKDATE_MS, notAfter }
  const authority = await createAuthority({ deployment, ...lifetime })
  const data = { 'ca.crt': authority.certPem, 'ca.key': authority.keyPem }
  await write(cluster, secret, { type: 'Opaque', data, there })
  return { authority, issued: { secret, outcome: 'made', expiresAt: new Date(notAfter) } }
}

async function certificateOf(
  cluster: Cluster,
  { prefix, now }: IssueOptions,
  authority: DeploymentAuthority,
  name: CallerName,
): Promise<Issued> {
  const secret = `${prefix}-${name}`
  const there = await read(cluster, secret)
  const goodUntil = goodUntilOf(there, authority, name, now)
  if (goodUntil - now > LIFETIME_MS / 2) {
    return { secret, outcome: 'kept', expiresAt: new Date(goodUntil) }
  }
  const notAfter = now + LIFETIME_MS
  const lifetime = { notBefore: now - BACKDATE_MS, notAfter }
  const { certPem, keyPem } = await issueServiceCertificate(authority, { name, ...lifetime })
  const data = { 'ca.crt': authority.certPem, 'tls.crt': certPem, 'tls.key': keyPem }
  await write(cluster, secret, { type: 'kubernetes.io/tls', data, there })
  const outcome = there === undefined ? 'made' : 'renewed'
  return { secret, outcome, expiresAt: new Date(notAfter) }
}

/** Until when what is there will do; 0 where it will not do at all. */
function goodUntilOf(
  there: V1Secret | undefined,
  { certPem, deployment }: DeploymentAuthority,
  name: CallerName,
  now: number,
): number {
  const [cert, key] = [textOf(there, 'tls.crt'), textOf(there, 'tls.key')]
  if (textOf(there, 'ca.crt') !== certPem) return 0
  try {
    const { id, notAfter } = parseDeploymentCertificate({ ca: certPem, cert, key }, { name, now })
    return id.deployment === deployment ? notAfter : 0
  } catch (error) {
    if (error instanceof MailxError) return 0
    throw error
  }
}

const textOf = (secret: V1Secret | undefined, key: string): string =>
  Buffer.from(secret?.data?.[key] ?? '', 'base64').toString()

async function read(cluster: Cluster, name: string): Promise<V1Secret | undefined> {
  const { core, namespace } = cluster
  try {
    return await core.readNamespacedSecret({ name, namespace })
  } catch (error) {
    if ((error as { code?: number }).code === 404) return undefined
    throw explain(error, `get secrets/${name}`, cluster)
  }
}

type Written = {
  readonly type: string
  readonly data: Readonly<Record<string, string>>
  readonly there: V1Secret | undefined
}

/** Refused with 409 when somebody has changed it since it was read: the next run looks again. */
async function write(
  cluster: Cluster,
  name: string,
  { type, data, there }: Written,
): Promise<void> {
  const { core, namespace } = cluster
  const annotations = { 'helm.sh/resource-policy': 'keep' }
  const metadata = there?.metadata ?? { name, namespace, annotations }
  const body = { apiVersion: 'v1', kind: 'Secret', type, stringData: { ...data }, metadata }
  try {
    if (there === undefined) await core.createNamespacedSecret({ namespace, body })
    else await core.replaceNamespacedSecret({ name, namespace, body })
  } catch (error) {
    throw explain(error, `${there === undefined ? 'create' : 'update'} secrets/${name}`, cluster)
  }
}
