// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 wants it loaded first
import 'reflect-metadata'
import { webcrypto } from 'node:crypto'
import { isIP } from 'node:net'
import * as x509 from '@peculiar/x509'

/** Certificate and private key, in PEM. */
export type MadeCertificate = { readonly certPem: string; readonly keyPem: string }

export type MadeAuthority = {
  readonly certPem: string
  /** A certificate for host names and addresses, or for a client that has none. */
  issue(names: readonly string[], lifetime?: Lifetime): Promise<MadeCertificate>
}

type Lifetime = { readonly notBefore?: number; readonly notAfter?: number }

const HOUR_MS = 60 * 60 * 1000
const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
x509.cryptoProvider.set(webcrypto)

/** An authority for servers such as an operator has them, good for an hour. */
export async function makeAuthority(name: string): Promise<MadeAuthority> {
  const keys = await makeKeys()
  const authority = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    ...datesOf({}),
    signingAlgorithm: ecdsa,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  })
  const issue = async (names: readonly string[], lifetime: Lifetime = {}) => {
    const own = await makeKeys()
    const alternatives = names.map(
      (value) => ({ type: isIP(value) === 0 ? 'dns' : 'ip', value }) as const,
    )
    const certificate = await x509.X509CertificateGenerator.create({
      subject: 'O=Made for a test',
      issuer: authority.subject,
      ...datesOf(lifetime),
      signingAlgorithm: ecdsa,
      publicKey: own.publicKey,
      signingKey: keys.privateKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        ...(names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(alternatives)]),
      ],
    })
    const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', own.privateKey)
    const keyPem = `${x509.PemConverter.encode(pkcs8, 'PRIVATE KEY')}\n`
    return { certPem: `${certificate.toString('pem')}\n`, keyPem }
  }
  return { certPem: `${authority.toString('pem')}\n`, issue }
}

const makeKeys = () => webcrypto.subtle.generateKey(ecdsa, true, ['sign', 'verify'])

function datesOf({ notBefore, notAfter }: Lifetime) {
  const now = Date.now()
  return {
    notBefore: new Date(notBefore ?? now - HOUR_MS),
    notAfter: new Date(notAfter ?? now + HOUR_MS),
  }
}
