import { X509Certificate } from 'node:crypto'
import { equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { type DomainDocument, keysFor } from '@mailx/keys/domain-document'
import { rawEd25519 } from './ed25519-key.ts'

/** The CA of one domain, as its verified document vouches for it. */
export type PeerAuthority = {
  readonly domain: string
  readonly pem: string
  readonly publicKey: Uint8Array
  readonly subject: string
}

/**
 * The CA certificate in a verified document. Its key must be certified for use `tls` at this time;
 * the certificate itself vouches for nothing. Throws PEER_NOT_AUTHENTIC.
 */
export function authorityOf(document: DomainDocument, now: number): PeerAuthority {
  const refuse = (reason: string, cause?: unknown) =>
    new MailxError('PEER_NOT_AUTHENTIC', `${document.domain}: ${reason}`, { cause })
  let certificate: X509Certificate
  try {
    certificate = new X509Certificate(document.caCertificate)
  } catch (cause) {
    throw refuse('the CA certificate of the domain document is not a certificate', cause)
  }
  const publicKey = rawEd25519(certificate.publicKey)
  if (publicKey === undefined || !certificate.ca) {
    throw refuse('the CA certificate of the domain document must be a CA with an Ed25519 key')
  }
  if (!keysFor(document, 'tls', now).some((key) => equal(key.publicKey, publicKey))) {
    throw refuse('the key of the CA certificate is not certified for use tls')
  }
  return {
    domain: document.domain,
    pem: certificate.toString(),
    publicKey,
    subject: certificate.subject,
  }
}
