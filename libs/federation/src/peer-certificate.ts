// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 wants it loaded first
import 'reflect-metadata'
import { generateKeyPairSync, webcrypto, type X509Certificate } from 'node:crypto'
import { parseDomain } from '@mailx/address/domain'
import { toHex } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import type { SigningKeyPair } from '@mailx/crypto/sign'
import { MailxError } from '@mailx/errors/mailx-error'
import { callUnary } from '@mailx/grpc/client'
import type { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import { domainLabel } from '@mailx/telemetry/capped-label'
import { gauge } from '@mailx/telemetry/metrics'
import { currentService } from '@mailx/telemetry/tracer'
import * as x509 from '@peculiar/x509'
import { ed25519KeyObject, ed25519Pkcs8, ed25519Spki } from './ed25519-key.ts'

const MINUTE_MS = 60 * 1000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** A leaf is good for seven days; its holder replaces it after four and a half. */
export const LEAF_LIFETIME_MS = 7 * DAY_MS
export const LEAF_RENEWAL_MS = 4.5 * DAY_MS
/** proto/README.md, section 8: what is taken from others. */
const LONGEST_LIFETIME_MS = 8 * DAY_MS
/** Issued as of an hour ago, so that a peer whose clock is behind takes it at once. */
const BACKDATE_MS = HOUR_MS
const CLOCK_SKEW_MS = 5 * MINUTE_MS

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

const ed25519 = { name: 'Ed25519' }
x509.cryptoProvider.set(webcrypto)

/** A common name holds 64 characters at most (RFC 5280, appendix A.1); a domain may be longer. */
const authorityName = (domain: string): string => `O=MailX,CN=${domain.slice(0, 64)}`

type CaCertificateRequest = {
  readonly domain: string
  /** The domain's operational key for use `tls`. */
  readonly keyPair: SigningKeyPair
  readonly notBefore: number
  readonly notAfter: number
}

/** The domain's CA certificate as PEM: self-signed by the `tls` key, and good for leaves only. */
export async function createCaCertificate(request: CaCertificateRequest): Promise<string> {
  const publicKey = await importPublicKey(ed25519Spki(request.keyPair.publicKey))
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: authorityName(request.domain),
    issuer: authorityName(request.domain),
    notBefore: new Date(request.notBefore),
    notAfter: new Date(request.notAfter),
    signingAlgorithm: ed25519,
    publicKey,
    signingKey: await importSigningKey(request.keyPair),
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  })
  return toPem(certificate)
}

type LeafRequest = {
  readonly domain: string
  /** The `tls` key that signed the domain's CA certificate. */
  readonly keyPair: SigningKeyPair
  /** DER of the key to certify: the asking service made it and keeps its secret half. */
  readonly publicKeySpki: Uint8Array
  readonly now: number
}

type Leaf = {
  readonly certificate: string
  readonly notBefore: number
  readonly notAfter: number
}

/** A seven-day leaf as PEM: one DNS name, an Ed25519 key, for clients and for servers. */
export async function issueLeaf(request: LeafRequest): Promise<Leaf> {
  const publicKey = await importPublicKey(request.publicKeySpki)
  const authorityKey = await importPublicKey(ed25519Spki(request.keyPair.publicKey))
  const notBefore = request.now - BACKDATE_MS
  const notAfter = notBefore + LEAF_LIFETIME_MS
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: 'O=MailX',
    issuer: authorityName(request.domain),
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    signingAlgorithm: ed25519,
    publicKey,
    signingKey: await importSigningKey(request.keyPair),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([CLIENT_AUTH, SERVER_AUTH]),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: request.domain }]),
      await x509.AuthorityKeyIdentifierExtension.create(authorityKey),
    ],
  })
  return { certificate: toPem(certificate), notBefore, notAfter }
}

const importSigningKey = (pair: SigningKeyPair) =>
  webcrypto.subtle.importKey('pkcs8', ed25519Pkcs8(pair.secretKey), ed25519, false, ['sign'])

const importPublicKey = (spki: Uint8Array) =>
  webcrypto.subtle.importKey('spki', spki, ed25519, true, ['verify']).catch((cause: unknown) => {
    throw new MailxError('BAD_KEY', 'expected the DER of an Ed25519 public key', { cause })
  })

const toPem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`

/** Positive, sixteen bytes long and unpredictable. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return toHex(bytes)
}

/**
 * The domain that a leaf speaks for: its only subject alternative name, in canonical form. Nothing
 * else in a certificate names a peer. Throws PEER_NOT_AUTHENTIC for every other form.
 */
export function domainOfLeaf(leaf: X509Certificate): string {
  const name = leaf.subjectAltName
  if (name === undefined) {
    throw refusal('the certificate has no subject alternative name; the common name does not count')
  }
  if (name.includes(', ')) throw refusal('the certificate must name exactly one domain')
  const claimed = /^DNS:(?<domain>[^"]+)$/.exec(name)?.groups?.['domain']
  if (claimed === undefined) throw refusal('the certificate must name a domain by a plain DNS name')
  if (claimed.includes('*'))
    throw refusal('the certificate names a wildcard; name the domain itself')
  let canonical: string | undefined
  try {
    canonical = parseDomain(claimed)
  } catch (cause) {
    throw new MailxError('PEER_NOT_AUTHENTIC', 'the certificate names no valid domain', { cause })
  }
  if (canonical !== claimed) {
    throw refusal(
      'the certificate must name the domain in canonical form: lower case, no final dot',
    )
  }
  return claimed
}

export type LeafCheck = {
  /** Whose leaf it must be. */
  readonly domain: string
  /** Key and subject of the domain's CA certificate, as its verified document certifies them. */
  readonly authority: { readonly publicKey: Uint8Array; readonly subject: string }
  readonly purpose: 'client' | 'server'
  readonly now: number
}

/**
 * Holds when the leaf is the domain's, for this purpose, now. Throws PEER_NOT_AUTHENTIC with the one
 * reason that applies. Possession of the leaf's key is TLS's to prove, not checked here.
 */
export function checkLeaf(leaf: X509Certificate, check: LeafCheck): void {
  const reason = faultOfLeaf(leaf, check)
  if (reason !== undefined) throw refusal(reason)
}

const refusal = (reason: string) => new MailxError('PEER_NOT_AUTHENTIC', reason)

function faultOfLeaf(leaf: X509Certificate, check: LeafCheck): string | undefined {
  const { authority, domain, now, purpose } = check
  if (domainOfLeaf(leaf) !== domain) return `the certificate is not for ${domain}`
  if (leaf.ca || claimsAuthority(leaf)) return 'the certificate is a CA certificate, not a leaf'
  if (leaf.publicKey.asymmetricKeyType !== 'ed25519') return 'the leaf key must be Ed25519'
  const [notBefore, notAfter] = [Date.parse(leaf.validFrom), Date.parse(leaf.validTo)]
  if (!(now >= notBefore - CLOCK_SKEW_MS)) return 'the certificate is not yet valid; check clocks'
  if (!(now < notAfter)) return 'the certificate has expired; its domain must renew it'
  if (notAfter - notBefore > LONGEST_LIFETIME_MS) return 'the certificate is valid for over 8 days'
  const usage = purpose === 'client' ? CLIENT_AUTH : SERVER_AUTH
  // Undefined when the extension is missing, whatever its type says.
  const usages = leaf.keyUsage as string[] | undefined
  if (!usages?.includes(usage)) return `the certificate is not for ${purpose} use`
  if (leaf.issuer !== authority.subject || !leaf.verify(ed25519KeyObject(authority.publicKey))) {
    return `the certificate is not signed by the CA that ${domain} publishes`
  }
  return undefined
}

/** Node calls a certificate a CA only when its key usage fits too; the claim alone is too much. */
const claimsAuthority = (leaf: X509Certificate): boolean =>
  new x509.X509Certificate(leaf.raw).getExtension(x509.BasicConstraintsExtension)?.ca === true

export type PeerCertificate = {
  readonly certPem: string
  readonly keyPem: string
  readonly caPem: string
  readonly notBefore: number
  readonly notAfter: number
}

export type KeptCertificate = {
  current(): PeerCertificate
  /** Calls back after every renewal with the new certificate; the result ends that. */
  onRenewed(listener: (certificate: PeerCertificate) => void): () => void
  /** Renews when the time has come, and says whether it did. Runs by itself once a minute. */
  renewIfDue(): Promise<boolean>
  stop(): void
}

const expiry = gauge({
  name: 'mailx_certificate_expiry_timestamp_seconds',
  help: 'When the certificate runs out that a hosted domain, or a service inside, shows.',
  labelNames: ['service', 'domain'],
})

type KeepCertificateOptions = {
  /** From connectGrpc, whose methods may be passed around. */
  readonly identity: Pick<IdentityServiceClient, 'issueCertificate'>
  readonly domain: string
  readonly now: () => number
  /** Told of each failed renewal. The certificate in use stays; the next minute tries again. */
  readonly onFailure?: (error: unknown) => void
}

/**
 * Holds a valid leaf of the domain for as long as the process lives. The leaf's secret key is made
 * here and never leaves. Rejects when identity issues none at the start.
 */
export async function keepCertificate(options: KeepCertificateOptions): Promise<KeptCertificate> {
  const listeners = new Set<(certificate: PeerCertificate) => void>()
  const labels = { service: currentService(), domain: domainLabel(options.domain) }
  const show = () => expiry.set(labels, certificate.notAfter / 1000)
  let certificate = await requestCertificate(options)
  show()
  let renewing: Promise<boolean> | undefined

  const renew = async () => {
    if (options.now() < certificate.notBefore + LEAF_RENEWAL_MS) return false
    certificate = await requestCertificate(options)
    show()
    for (const listener of listeners) listener(certificate)
    return true
  }
  const renewIfDue = () => {
    renewing ??= renew().finally(() => {
      renewing = undefined
    })
    return renewing
  }
  const timer = setInterval(() => {
    renewIfDue().catch((error: unknown) => options.onFailure?.(error))
  }, MINUTE_MS)
  timer.unref()

  return {
    current: () => certificate,
    onRenewed: (listener) => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    renewIfDue,
    stop: () => {
      clearInterval(timer)
      expiry.remove(labels)
    },
  }
}

async function requestCertificate(options: KeepCertificateOptions): Promise<PeerCertificate> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const publicKeySpki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  const issued = await callUnary(
    options.identity.issueCertificate,
    { domain: options.domain, publicKeySpki },
    { timeoutMs: 10_000 },
  )
  return {
    certPem: issued.certificate,
    keyPem: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    caPem: issued.caCertificate,
    notBefore: Number(issued.notBeforeUnixMs),
    notAfter: Number(issued.notAfterUnixMs),
  }
}
