import { fromBase64, toBase64 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { parseUntrusted } from '@mailx/json/parse-untrusted'
import { signStatement, verifyStatement } from '@mailx/statement/statement'
import { canonicalJson } from './canonical-json.ts'
import { checkDocumentShape } from './document-shape.ts'
import { CLOCK_SKEW_MS, formatTime, parseTime } from './unix-ms.ts'

export type KeyUse = 'attest' | 'deliver' | 'tls' | 'log'

/** An operational key as the document says it: base64 and RFC 3339. */
export type DocumentKey = {
  readonly kid: string
  /** A KeyUse, or a use that a newer peer knows. */
  readonly use: string
  readonly publicKey: string
  readonly notBefore: string
  readonly notAfter: string
  /** Statement `operational-key`, by the domain key. */
  readonly signature: string
}

/** An operational key, decoded. Times in milliseconds since 1970. */
export type OperationalKey = {
  readonly kid: string
  readonly use: string
  readonly publicKey: Uint8Array
  readonly notBefore: number
  readonly notAfter: number
}

export type DomainPolicy = {
  readonly maxMessageBytes: number
  readonly maxInlineBytes: number
  readonly maxRecipients: number
  readonly maxDevices: number
  readonly retentionDays: number
  readonly registration: string
  readonly contactMode: string
}

/** What a domain says about itself at /.well-known/mailx-server. Keys and signatures in base64. */
export type DomainDocument = {
  readonly version: '1.0'
  readonly domain: string
  readonly publicKey: string
  readonly endpoints: {
    /** "host:port" of the peer protocol. */
    readonly grpc: string
    /** "https://host:port". */
    readonly http: string
    /** "host:port" of the client API. */
    readonly client: string
  }
  readonly created: string
  readonly expiresAt: string | null
  /** Grows with every document of the domain. */
  readonly serial: number
  readonly validUntil: string
  readonly keys: readonly DocumentKey[]
  readonly policy: DomainPolicy
  readonly protocols: { readonly min: number; readonly max: number }
  /** null until the domain has a log key; users of such a domain cannot be verified yet. */
  readonly log: {
    readonly origin: string
    readonly publicKey: string
    readonly url: string
  } | null
  /** PEM. */
  readonly caCertificate: string
  /** Statement `domain-document`, by the domain key. */
  readonly signature: string
}

export const MAX_DOCUMENT_BYTES = 64 * 1024
export const MAX_DOCUMENT_VALIDITY_MS = 7 * 24 * 60 * 60 * 1000

/**
 * The bytes that the domain key signs for, as the field `document` of the statement `domain-document`:
 * take the served JSON, remove the member `signature` of the outermost object (those inside `keys`
 * stay), and write the rest, members unknown to you included, as canonical JSON: members sorted by
 * UTF-16 code units at every level, no white space, no escape that JSON does not demand, integers
 * only, UTF-8. The document as served may be formatted in any way.
 */
export function canonicalDocument(document: object): Uint8Array {
  const { signature: _, ...signed } = document as Record<string, unknown>
  return canonicalJson(signed)
}

/** The document with its signature, ready to be served. */
export function signDocument(
  document: Omit<DomainDocument, 'signature'>,
  domainSecretKey: Uint8Array,
): DomainDocument {
  const signature = signStatement('domain-document', documentRecord(document), domainSecretKey)
  return { ...document, signature: toBase64(signature) }
}

/** A certified key in the document's own spelling. */
export const documentKey = (key: OperationalKey & { signature: Uint8Array }): DocumentKey => ({
  kid: key.kid,
  use: key.use,
  publicKey: toBase64(key.publicKey),
  notBefore: formatTime(key.notBefore),
  notAfter: formatTime(key.notAfter),
  signature: toBase64(key.signature),
})

/**
 * Reads a served document and believes nothing: size, JSON, shape, domain, signature (by `publicKey`
 * where the caller knows the domain's key, else by the key that the document states), the signature
 * of every operational key, and validity at `now`. Throws BAD_DOMAIN_DOCUMENT; the message names the
 * member that is wrong.
 */
export function openDocument(
  bytes: Uint8Array,
  expected: { readonly domain: string; readonly now: number; readonly publicKey?: Uint8Array },
): DomainDocument {
  const value = orRefuse(() => parseUntrusted(bytes, { maxBytes: MAX_DOCUMENT_BYTES }))
  const document = checkDocumentShape(value) as unknown as DomainDocument
  if (document.domain !== expected.domain) {
    throw refusal('domain', `is ${document.domain}, expected ${expected.domain}`)
  }
  const stated = fromBase64(document.publicKey, 32)
  const publicKey = expected.publicKey ?? stated
  if (toBase64(publicKey) !== document.publicKey) {
    throw refusal('publicKey', 'is not the key known for this domain')
  }
  const record = orRefuse(() => documentRecord(document))
  const signature = fromBase64(document.signature, 64)
  if (!verifyStatement('domain-document', record, signature, publicKey)) {
    throw refusal('signature', 'is not by the domain key over this document')
  }
  document.keys.forEach((key, index) => {
    checkKeySignature(document.domain, key, publicKey, `keys[${index}]`)
  })
  checkTimes(document, expected.now)
  return document
}

/** The document's keys for one use that are valid at `at`, in the document's order. */
export const keysFor = (document: DomainDocument, use: KeyUse, at: number): OperationalKey[] =>
  document.keys
    .filter((key) => key.use === use)
    .map(decodeKey)
    .filter((key) => key.notBefore <= at + CLOCK_SKEW_MS && at < key.notAfter)

/** The key of that name, if it has that use and is valid at `at`; else undefined. */
export const keyByKid = (
  document: DomainDocument,
  kid: string,
  use: KeyUse,
  at: number,
): OperationalKey | undefined => keysFor(document, use, at).find((key) => key.kid === kid)

const decodeKey = (key: DocumentKey): OperationalKey => ({
  kid: key.kid,
  use: key.use,
  publicKey: fromBase64(key.publicKey, 32),
  notBefore: timeOf(key.notBefore),
  notAfter: timeOf(key.notAfter),
})

function orRefuse<T>(read: () => T): T {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof MailxError)) throw cause
    throw new MailxError('BAD_DOMAIN_DOCUMENT', `domain document: ${cause.message}`, { cause })
  }
}

const documentRecord = (document: Omit<DomainDocument, 'signature'>) => ({
  domain: document.domain,
  serial: document.serial,
  validUntil: timeOf(document.validUntil),
  document: canonicalDocument(document),
})

function checkKeySignature(domain: string, key: DocumentKey, publicKey: Uint8Array, at: string) {
  const record = { domain, ...decodeKey(key) }
  const signature = fromBase64(key.signature, 64)
  if (!verifyStatement('operational-key', record, signature, publicKey)) {
    throw refusal(`${at}.signature`, 'is not by the domain key over this key')
  }
}

function checkTimes(document: DomainDocument, now: number): void {
  const validUntil = timeOf(document.validUntil)
  if (validUntil <= now) throw refusal('validUntil', `is past: ${document.validUntil}`)
  if (validUntil > now + MAX_DOCUMENT_VALIDITY_MS + CLOCK_SKEW_MS) {
    throw refusal('validUntil', `is more than seven days ahead: ${document.validUntil}`)
  }
  if (timeOf(document.created) > now + CLOCK_SKEW_MS) {
    throw refusal('created', `is in the future: ${document.created}`)
  }
  if (document.expiresAt !== null && timeOf(document.expiresAt) <= now) {
    throw refusal('expiresAt', `is past: ${document.expiresAt}`)
  }
}

function timeOf(text: string): number {
  const ms = parseTime(text)
  if (ms === undefined) throw refusal('time', `is not RFC 3339 in UTC: ${text}`)
  return ms
}

const refusal = (member: string, what: string) =>
  new MailxError('BAD_DOMAIN_DOCUMENT', `domain document: ${member} ${what}`)
