import { generateKeyPairSync } from 'node:crypto'
import { utf8 } from '@mailx/crypto/encoding'
import { randomBytes } from '@mailx/crypto/random'
import { type SigningKeyPair, signingKeyPair } from '@mailx/crypto/sign'
import {
  type DomainDocument,
  documentKey,
  type KeyUse,
  signDocument,
} from '@mailx/keys/domain-document'
import { formatTxt } from '@mailx/keys/txt-record'
import { signStatement } from '@mailx/statement/statement'
import { createCaCertificate, issueLeaf, type PeerCertificate } from '../peer-certificate.ts'

const DAY_MS = 24 * 60 * 60 * 1000

export type MadeKey = SigningKeyPair & { readonly kid: string }

/** A whole domain with all its secret keys, as a test needs it to speak for it or to forge it. */
export type MadeDomain = {
  readonly domain: string
  readonly domainKey: SigningKeyPair
  readonly keys: Readonly<Record<KeyUse, MadeKey>>
  readonly caPem: string
  readonly document: DomainDocument
  readonly documentBytes: Uint8Array
  /** What its TXT record says. */
  readonly txt: string
  /** A fresh leaf, as keepCertificate holds it. */
  leaf(): Promise<PeerCertificate>
}

export type MakeDomainOptions = {
  readonly now?: number
  /** host:port of the peer protocol. */
  readonly peerEndpoint?: string
  /** Where the well-known document is served. */
  readonly http?: { readonly host: string; readonly port: number }
  readonly serial?: number
  /** Given keys are used, others are made. */
  readonly domainKey?: SigningKeyPair
  readonly keys?: Partial<Readonly<Record<KeyUse, SigningKeyPair>>>
  readonly kids?: Partial<Readonly<Record<KeyUse, string>>>
  /** Changes the document before it is signed. */
  readonly change?: (
    document: Omit<DomainDocument, 'signature'>,
  ) => Omit<DomainDocument, 'signature'>
}

const formatTime = (ms: number) => new Date(ms).toISOString()

const newPair = () => signingKeyPair(randomBytes(32))

export async function makeDomain(
  domain: string,
  options: MakeDomainOptions = {},
): Promise<MadeDomain> {
  const { domainKey = newPair(), http, now = Date.now() } = options
  const [notBefore, notAfter] = [now - DAY_MS, now + 89 * DAY_MS]
  const made = (use: KeyUse): MadeKey => ({
    kid: options.kids?.[use] ?? `${use}-1`,
    ...(options.keys?.[use] ?? newPair()),
  })
  const keys = {
    attest: made('attest'),
    deliver: made('deliver'),
    tls: made('tls'),
    log: made('log'),
  }
  const caPem = await createCaCertificate({ domain, keyPair: keys.tls, notBefore, notAfter })
  const certified = (['attest', 'deliver', 'tls', 'log'] as const).map((use) => {
    const { kid, publicKey } = keys[use]
    const record = { domain, kid, use, publicKey, notBefore, notAfter }
    const signature = signStatement('operational-key', record, domainKey.secretKey)
    return documentKey({ ...record, signature })
  })
  const endpoint = http ?? { host: `mailx.${domain}`, port: 443 }
  const unsigned: Omit<DomainDocument, 'signature'> = {
    version: '1.0',
    domain,
    publicKey: Buffer.from(domainKey.publicKey).toString('base64'),
    endpoints: {
      grpc: options.peerEndpoint ?? `mailx.${domain}:8443`,
      http: `https://${endpoint.host}:${endpoint.port}`,
      client: `mailx.${domain}:443`,
    },
    created: formatTime(now - DAY_MS),
    expiresAt: null,
    serial: options.serial ?? 1,
    validUntil: formatTime(now + 6 * DAY_MS),
    keys: certified,
    policy: {
      maxMessageBytes: 25 * 1024 * 1024,
      maxInlineBytes: 1024 * 1024,
      maxRecipients: 100,
      maxDevices: 16,
      retentionDays: 0,
      registration: 'open',
      contactMode: 'open',
    },
    protocols: { min: 1, max: 1 },
    log: {
      origin: `${domain}/mailx-kt/1`,
      publicKey: Buffer.from(keys.log.publicKey).toString('base64'),
      url: `https://${endpoint.host}:${endpoint.port}/log`,
    },
    caCertificate: caPem,
  }
  const document = signDocument(options.change?.(unsigned) ?? unsigned, domainKey.secretKey)
  return {
    domain,
    domainKey,
    keys,
    caPem,
    document,
    documentBytes: utf8(JSON.stringify(document)),
    txt: formatTxt({ publicKeys: [domainKey.publicKey], endpoint }),
    leaf: () => leafOf(domain, keys.tls, caPem, now),
  }
}

async function leafOf(domain: string, keyPair: SigningKeyPair, caPem: string, now: number) {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const publicKeySpki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
  const leaf = await issueLeaf({ domain, keyPair, publicKeySpki, now })
  const { certificate: certPem, notAfter, notBefore } = leaf
  const keyPem = privateKey.export({ format: 'pem', type: 'pkcs8' }) as string
  return { certPem, keyPem, caPem, notBefore, notAfter }
}
