/**
 * From a domain's name to its verified document (proto/README.md, section 3):
 *  1. The key: an operator's pin, the static file, or the TXT record at _mailx.<domain>. No name at all:
 *     DOMAIN_NOT_FOUND; no record: NO_MAILX_RECORD; a malformed one: BAD_MAILX_RECORD (permanent).
 *     SERVFAIL, a timeout, a bogus signature: DISCOVERY_FAILED (try again).
 *  2. The document: at the apex if that answers with one that verifies, else at the host that `e`
 *     names. Fetched without leaving the public Internet: ADDRESS_NOT_ALLOWED.
 *  3. It counts only under the key of step 1: BAD_DOMAIN_DOCUMENT.
 *  4. The peer endpoint it names is resolved and checked too; those addresses are what is dialled.
 */
import { equal, fromBase64 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { type DomainDocument, openDocument } from '@mailx/keys/domain-document'
import { parseTxt } from '@mailx/keys/txt-record'
import { type AddressPolicy, checkedAddresses } from './checked-addresses.ts'
import type { Resolver } from './dns-resolver.ts'
import { safeFetch } from './safe-fetch.ts'
import type { StaticPeers } from './static-peers.ts'

const WELL_KNOWN_PATH = '/.well-known/mailx-server'

export type DiscoverySource = 'dns' | 'static' | 'pin'

export type Discovered = {
  readonly domain: string
  /** The domain key that signed the document. */
  readonly publicKey: Uint8Array
  /** All keys that the source names: the current one and announced successors. */
  readonly announcedKeys: readonly Uint8Array[]
  readonly document: DomainDocument
  readonly documentBytes: Uint8Array
  readonly source: DiscoverySource
  readonly dnssec: 'secure' | 'insecure'
  /** Of the DNS record; undefined where there is none to say. */
  readonly ttlMs: number | undefined
  readonly endpoint: Place
  /** The endpoint's IP addresses that passed the checks. */
  readonly addresses: readonly string[]
}

export type DiscoverOptions = {
  readonly resolver: Resolver
  readonly policy: AddressPolicy
  readonly staticPeers?: StaticPeers
  /** The key that an operator pinned for the domain: no other is taken. */
  readonly pin?: Uint8Array | undefined
  readonly now: () => number
  readonly fetchTimeoutMs?: number
  /** 443, but for tests. */
  readonly apexPort?: number
}

type Place = { readonly host: string; readonly port: number }

/** What the sources say before the document is seen. */
type Lead = Pick<Discovered, 'announcedKeys' | 'source' | 'dnssec' | 'ttlMs'> & {
  /** Where the document may be, the best place first. */
  readonly places: readonly Place[]
}

/** Discovers a domain. Never answers with anything that its key has not signed. */
export async function discover(domain: string, options: DiscoverOptions): Promise<Discovered> {
  const lead = await findLead(domain, options)
  const { bytes, document, publicKey } = await findDocument(domain, lead, options)
  const endpoint = splitHostPort(document.endpoints.grpc)
  const addresses = await checkedAddresses(endpoint, options.resolver, options.policy)
  return {
    domain,
    publicKey,
    announcedKeys: lead.announcedKeys,
    document,
    documentBytes: bytes,
    source: lead.source,
    dnssec: lead.dnssec,
    ttlMs: lead.ttlMs,
    endpoint,
    addresses,
  }
}

async function findLead(domain: string, options: DiscoverOptions): Promise<Lead> {
  const apex = { host: domain, port: options.apexPort ?? 443 }
  const known = options.staticPeers?.get(domain)
  if (known !== undefined) {
    const { host, port, publicKey } = known
    const announcedKeys = [options.pin ?? publicKey]
    const source = options.pin === undefined ? 'static' : 'pin'
    return { announcedKeys, source, dnssec: 'insecure', ttlMs: undefined, places: [{ host, port }] }
  }
  const { pin } = options
  if (pin === undefined) return fromDns(apex, options.resolver)
  const found = await fromDns(apex, options.resolver).catch((error: unknown) => {
    // A pinned peer needs DNS only to say where it is; the apex is a good guess.
    if (!(error instanceof MailxError)) throw error
    return { dnssec: 'insecure', ttlMs: undefined, places: [apex] } as const
  })
  return { ...found, announcedKeys: [pin], source: 'pin' }
}

async function fromDns(apex: Place, resolver: Resolver): Promise<Lead> {
  const { host: domain } = apex
  const found = await resolver.txt(`_mailx.${domain}`)
  if (found.noSuchName && (await resolver.address(domain, 4)).noSuchName) {
    throw new MailxError('DOMAIN_NOT_FOUND', `there is no domain ${domain}; check the spelling`)
  }
  const { endpoint, publicKeys } = namingDomain(domain, () => parseTxt(found.records))
  const places = [
    apex,
    endpoint,
    ...(endpoint.port === 443 ? [] : [{ host: endpoint.host, port: 443 }]),
  ]
  const dnssec = found.secure ? 'secure' : 'insecure'
  return { announcedKeys: publicKeys, source: 'dns', dnssec, ttlMs: found.ttlMs, places }
}

async function findDocument(domain: string, lead: Lead, options: DiscoverOptions) {
  const failures: MailxError[] = []
  for (const place of lead.places) {
    try {
      const bytes = await safeFetch(
        { ...place, path: WELL_KNOWN_PATH },
        { ...options, ...(options.fetchTimeoutMs && { timeoutMs: options.fetchTimeoutMs }) },
      )
      return { bytes, ...openWith(bytes, domain, lead, options.now()) }
    } catch (error) {
      if (!(error instanceof MailxError)) throw error
      failures.push(error)
    }
  }
  throw gravest(failures)
}

function openWith(bytes: Uint8Array, domain: string, lead: Lead, now: number) {
  const document = openDocument(bytes, { domain, now })
  const publicKey = fromBase64(document.publicKey, 32)
  // The document is whole under its own key; what makes it the domain's is that this key is known.
  if (!lead.announcedKeys.some((key) => equal(key, publicKey))) {
    const known = { dns: 'in its DNS record', static: 'in the static file', pin: 'that was pinned' }
    throw new MailxError(
      'BAD_DOMAIN_DOCUMENT',
      `the document of ${domain} is not signed by the key ${known[lead.source]}`,
    )
  }
  return { document, publicKey }
}

/** A place that serves a wrong document tells more than one that does not answer. */
const gravity = ['BAD_DOMAIN_DOCUMENT', 'ADDRESS_NOT_ALLOWED', 'DISCOVERY_FAILED'] as const

function gravest(failures: readonly MailxError[]): MailxError {
  const code = gravity.find((worse) => failures.some((failure) => failure.code === worse))
  const said = failures.filter((failure) => failure.code === code).map(({ message }) => message)
  const message = said.join('; ') || 'there is nowhere to look for the document'
  return new MailxError(code ?? 'DISCOVERY_FAILED', message, { cause: failures[0] })
}

function namingDomain<T>(domain: string, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (!(error instanceof MailxError)) throw error
    throw new MailxError(error.code, `_mailx.${domain}: ${error.message}`, { cause: error })
  }
}

function splitHostPort(text: string): Place {
  const at = text.lastIndexOf(':')
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) }
}
