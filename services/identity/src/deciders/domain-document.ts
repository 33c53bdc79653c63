import { toBase64 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { type DomainDocument, type DomainPolicy, documentKey } from '@mailx/keys/domain-document'
import { keyLogOrigin } from '@mailx/keys/key-log-origin'
import { formatTime } from '@mailx/keys/unix-ms'
import type { CertifiedKey, HostedDomain } from './hosted-domain.ts'
import { ATTESTATION_LIFETIME_MS } from './user.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** PROTOCOL §3 allows seven days; the day in reserve is for clocks and caches. */
export const DOCUMENT_VALIDITY_MS = 6 * DAY_MS
/** A document with less than this left is replaced, so that one in a cache outlives any outage. */
export const DOCUMENT_RENEWAL_MS = 3 * DAY_MS

/** What a document says that no event holds: it comes from the configuration. */
export type DocumentSettings = {
  readonly endpoints: DomainDocument['endpoints']
  readonly policy: DomainPolicy
  readonly protocols: DomainDocument['protocols']
}

/** The document lacks a key, names an expired one, says other settings, or runs out soon. */
export function documentIsDue(
  domain: HostedDomain,
  settings: DocumentSettings,
  now: number,
): boolean {
  const { document } = domain
  if (document === undefined) return true
  if (Date.parse(document.validUntil) - now < DOCUMENT_RENEWAL_MS) return true
  const next = composeDocument(domain, settings, now)
  return contentOf(next) !== contentOf(document)
}

/** What a new document would say now, unsigned. */
export function composeDocument(
  domain: HostedDomain,
  settings: DocumentSettings,
  now: number,
): Omit<DomainDocument, 'signature'> {
  const keys = listedKeys(domain, now)
  const authority = keys.findLast((key) => key.use === 'tls')
  if (authority === undefined) {
    throw new MailxError('FAILED_PRECONDITION', `${domain.domain} has no valid key for use tls`)
  }
  const log = keys.findLast((key) => key.use === 'log')
  return {
    version: '1.0',
    domain: domain.domain,
    publicKey: toBase64(domain.publicKey),
    endpoints: settings.endpoints,
    created: formatTime(domain.createdAt),
    expiresAt: null,
    serial: (domain.document?.serial ?? 0) + 1,
    validUntil: formatTime(now + DOCUMENT_VALIDITY_MS),
    keys: keys.map(documentKey),
    policy: settings.policy,
    protocols: settings.protocols,
    log: log === undefined ? null : describeLog(domain.domain, log, settings),
    caCertificate: authority.caCertificate,
  }
}

const describeLog = (domain: string, key: CertifiedKey, settings: DocumentSettings) => ({
  origin: keyLogOrigin(domain),
  publicKey: toBase64(key.publicKey),
  url: `${settings.endpoints.http}/.well-known/mailx-log/${domain}`,
})

/**
 * Valid keys, and `attest` keys for as long as an attestation that they signed may live. A `tls` key
 * that was certified again is listed once, by its newest certificate.
 */
function listedKeys(domain: HostedDomain, now: number): CertifiedKey[] {
  const newestTls = domain.keys.findLast((key) => key.use === 'tls')
  return domain.keys.filter((key) => {
    switch (key.use) {
      case 'tls':
        return key === newestTls && now < key.notAfter
      case 'attest':
        return now < key.notAfter + ATTESTATION_LIFETIME_MS
      default:
        return now < key.notAfter
    }
  })
}

/** What a reader acts on: all but serial, validity and signature. */
function contentOf(document: Omit<DomainDocument, 'signature'>): string {
  const { serial: _, validUntil: __, ...content } = { ...document, signature: '' }
  return JSON.stringify(sorted(content))
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return members.map(([name, member]) => [name, sorted(member)])
}
