import type { X509Certificate } from 'node:crypto'
import { certificatesIn, isKeyOf, wrongFile as wrong } from '@mailx/config/pem'
import { type ServiceId, serviceIdOf, serviceUri } from './service-id.ts'

/** What is in the three files: PEM. */
export type CertificateText = { readonly ca: string; readonly cert: string; readonly key: string }

/** A service's own certificate, checked, and the authorities that it trusts. */
export type DeploymentCertificate = CertificateText & {
  readonly id: ServiceId
  /** When it, or an authority above it, runs out: milliseconds since 1970. */
  readonly notAfter: number
}

/**
 * Checks that these make a certificate of the service `name`, valid now, that the others will accept.
 * Throws UNAVAILABLE with the first thing that is wrong, by variable: other files may be right.
 */
export function parseDeploymentCertificate(
  { ca, cert, key }: CertificateText,
  { name, now }: { readonly name: string; readonly now: number },
): DeploymentCertificate {
  const authorities = certificatesIn('GRPC_CA_FILE', ca)
  const chain = certificatesIn('GRPC_CERT_FILE', cert)
  const leaf = chain[0] as X509Certificate
  if (!isKeyOf(leaf, 'GRPC_KEY_FILE', key)) {
    throw wrong('GRPC_KEY_FILE is not the key of GRPC_CERT_FILE')
  }
  const id = idOf(leaf)
  if (id.name !== name) {
    throw wrong(`GRPC_CERT_FILE is the certificate of ${serviceUri(id)}, and this is ${name}`)
  }
  const path = pathOf(leaf, chain, authorities)
  for (const one of path) checkDates(one, one === leaf ? 'GRPC_CERT_FILE' : 'its authority', now)
  return { ca, cert, key, id, notAfter: Math.min(...path.map((one) => Date.parse(one.validTo))) }
}

function idOf(leaf: X509Certificate): ServiceId {
  try {
    return serviceIdOf(leaf)
  } catch (error) {
    throw wrong(`GRPC_CERT_FILE: ${(error as Error).message}`)
  }
}

const LONGEST_PATH = 5

/** From the leaf to the authority that is trusted. */
function pathOf(
  leaf: X509Certificate,
  chain: readonly X509Certificate[],
  authorities: readonly X509Certificate[],
): X509Certificate[] {
  const path = [leaf]
  while (path.length <= LONGEST_PATH) {
    const last = path.at(-1) as X509Certificate
    const issued = (above: X509Certificate) =>
      above.ca && last.checkIssued(above) && last.verify(above.publicKey)
    const trusted = authorities.find(issued)
    if (trusted !== undefined) return [...path, trusted]
    const between = chain.find((one) => !path.includes(one) && issued(one))
    if (between === undefined) break
    path.push(between)
  }
  throw wrong('GRPC_CERT_FILE was not issued by any authority in GRPC_CA_FILE')
}

function checkDates({ validFrom, validTo }: X509Certificate, what: string, now: number): void {
  const from = Date.parse(validFrom)
  const to = Date.parse(validTo)
  if (now >= to) throw wrong(`${what} has expired on ${on(to)}: renew it`)
  if (now < from) throw wrong(`${what} is not valid before ${on(from)}, and it is ${on(now)} here`)
}

const on = (time: number): string => new Date(time).toISOString()
