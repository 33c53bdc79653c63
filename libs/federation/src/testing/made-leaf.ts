// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 wants it loaded first
import 'reflect-metadata'
import { generateKeyPairSync, type KeyObject, webcrypto } from 'node:crypto'
import type { SigningKeyPair } from '@mailx/crypto/sign'
import * as x509 from '@peculiar/x509'
import { ed25519Pkcs8 } from '../ed25519-key.ts'
import type { PeerCertificate } from '../peer-certificate.ts'

const DAY_MS = 24 * 60 * 60 * 1000

/** Every knob of a leaf that an attacker, or a careless peer, could turn. */
export type LeafFault = {
  readonly names?: readonly { readonly type: 'dns' | 'ip'; readonly value: string }[]
  readonly commonName?: string
  readonly from?: number
  readonly days?: number
  readonly ca?: boolean
  readonly usages?: readonly string[]
  readonly rsa?: boolean
  /** The leaf's own key signs it. */
  readonly selfSigned?: boolean
}

type LeafRequest = {
  readonly domain: string
  readonly caPem: string
  readonly signer: SigningKeyPair
  readonly now: number
}

/** A leaf with faults on purpose, signed like a good one. */
export async function makeLeaf(
  { caPem, domain, now, signer }: LeafRequest,
  fault: LeafFault = {},
): Promise<PeerCertificate> {
  const { privateKey, publicKey } = fault.rsa
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ed25519')
  const ca = new x509.X509Certificate(caPem)
  const subject = fault.commonName === undefined ? 'O=MailX' : `CN=${fault.commonName}`
  const notBefore = fault.from ?? now - 60 * 60 * 1000
  const notAfter = notBefore + (fault.days ?? 7) * DAY_MS
  const names = fault.names ?? [{ type: 'dns', value: domain }]
  const { clientAuth, serverAuth } = x509.ExtendedKeyUsage
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: '4a',
    subject,
    issuer: fault.selfSigned ? subject : ca.subject,
    notBefore: new Date(notBefore),
    notAfter: new Date(notAfter),
    signingAlgorithm: { name: 'Ed25519' },
    publicKey: await webKey(publicKey, fault.rsa),
    signingKey: fault.selfSigned
      ? await signingKey(new Uint8Array(privateKey.export({ format: 'der', type: 'pkcs8' })))
      : await signingKey(ed25519Pkcs8(signer.secretKey)),
    extensions: [
      new x509.BasicConstraintsExtension(fault.ca ?? false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([...(fault.usages ?? [clientAuth, serverAuth])]),
      ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension([...names])]),
    ],
  })
  return {
    certPem: `${certificate.toString('pem')}\n`,
    keyPem: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    caPem,
    notBefore,
    notAfter,
  }
}

const signingKey = (pkcs8: Uint8Array) =>
  webcrypto.subtle.importKey('pkcs8', pkcs8, { name: 'Ed25519' }, false, ['sign'])

const webKey = (key: KeyObject, rsa = false) =>
  webcrypto.subtle.importKey(
    'spki',
    new Uint8Array(key.export({ format: 'der', type: 'spki' })),
    rsa ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' } : { name: 'Ed25519' },
    true,
    ['verify'],
  )
