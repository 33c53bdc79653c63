import { MailxError } from '@mailx/errors/mailx-error'
import type { DomainDocument } from '@mailx/keys/domain-document'
import { CLOCK_SKEW_MS } from '@mailx/keys/unix-ms'

const DAY_MS = 24 * 60 * 60 * 1000

/** PROTOCOL §3: operational keys live 90 days; their holders ask for new ones after two thirds. */
export const OPERATIONAL_KEY_LIFETIME_MS = 90 * DAY_MS

export const operationalKeyUses = ['attest', 'deliver', 'tls', 'log'] as const
export type OperationalKeyUse = (typeof operationalKeyUses)[number]

export type CertifiedKey = {
  readonly kid: string
  readonly use: string
  readonly publicKey: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
  readonly signature: Uint8Array
  readonly holder: string
  /** PEM; empty unless the use is `tls`. */
  readonly caCertificate: string
}

export type HostedDomain = {
  readonly status: 'hosted'
  readonly domain: string
  readonly publicKey: Uint8Array
  readonly createdAt: number
  /** Every certificate of a key, oldest first, expired ones included. */
  readonly keys: readonly CertifiedKey[]
  readonly document: DomainDocument | undefined
}

export type Domain = { readonly status: 'unknown' } | HostedDomain

/** How long a key certified at `at` is good: as of a little ago, for peers whose clock is behind. */
export const termOf = (at: number) => ({
  notBefore: at - CLOCK_SKEW_MS,
  notAfter: at + OPERATIONAL_KEY_LIFETIME_MS,
})

/** The newest certificate for a use; undefined before the first. */
export const newestKey = (domain: HostedDomain, use: OperationalKeyUse): CertifiedKey | undefined =>
  domain.keys.findLast((key) => key.use === use)

/** Two thirds of a key's term are over: time for its successor. */
export const isDueForRenewal = (key: CertifiedKey, now: number): boolean =>
  now >= key.notBefore + ((key.notAfter - key.notBefore) * 2) / 3

/** Throws NOT_FOUND for a domain that nobody created here. */
export function requireHosted(domain: Domain): HostedDomain {
  if (domain.status === 'hosted') return domain
  throw new MailxError('NOT_FOUND', 'this domain is not hosted here; create it first')
}
