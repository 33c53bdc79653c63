// oxlint-disable-next-line import/no-unassigned-import -- @peculiar/x509 wants it loaded first
import 'reflect-metadata'
import { randomBytes, webcrypto } from 'node:crypto'
import * as x509 from '@peculiar/x509'
import { type CallerName, serviceUri } from './service-id.ts'

/** Certificate and private key, in PEM. */
export type KeyedCertificate = { readonly certPem: string; readonly keyPem: string }

/** What issues the certificates of one deployment's services. */
export type DeploymentAuthority = KeyedCertificate & { readonly deployment: string }

type Lifetime = { readonly notBefore: number; readonly notAfter: number }

const CLIENT_AUTH = '1.3.6.1.5.5.7.3.2'
const SERVER_AUTH = '1.3.6.1.5.5.7.3.1'

const ecdsa = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
x509.cryptoProvider.set(webcrypto)

/** A new authority, good for the services of this deployment and nothing above or below. */
export async function createAuthority(
  request: { readonly deployment: string } & Lifetime,
): Promise<DeploymentAuthority> {
  const { deployment } = request
  const keys = await webcrypto.subtle.generateKey(ecdsa, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `O=MailX,OU=${deployment.slice(0, 64)},CN=internal ${randomBytes(4).toString('hex')}`,
    ...datesOf(request),
    signingAlgorithm: ecdsa,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  })
  return { deployment, certPem: toPem(certificate), keyPem: await keyPemOf(keys.privateKey) }
}

/** A certificate of the service `name` with a new key, for both ends of internal gRPC. */
export async function issueServiceCertificate(
  { deployment, certPem, keyPem }: DeploymentAuthority,
  { name, ...lifetime }: { readonly name: CallerName } & Lifetime,
): Promise<KeyedCertificate> {
  const above = new x509.X509Certificate(certPem)
  const keys = await webcrypto.subtle.generateKey(ecdsa, true, ['sign', 'verify'])
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: `O=MailX,CN=${name}`,
    issuer: above.subject,
    ...datesOf(lifetime),
    signingAlgorithm: ecdsa,
    publicKey: keys.publicKey,
    signingKey: await webcrypto.subtle.importKey('pkcs8', derOf(keyPem), ecdsa, false, ['sign']),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([CLIENT_AUTH, SERVER_AUTH]),
      new x509.SubjectAlternativeNameExtension([
        { type: 'url', value: serviceUri({ deployment, name }) },
      ]),
      await x509.AuthorityKeyIdentifierExtension.create(above.publicKey),
    ],
  })
  return { certPem: toPem(certificate), keyPem: await keyPemOf(keys.privateKey) }
}

const datesOf = ({ notBefore, notAfter }: Lifetime) => ({
  notBefore: new Date(notBefore),
  notAfter: new Date(notAfter),
})

const toPem = (certificate: x509.X509Certificate): string => `${certificate.toString('pem')}\n`

async function keyPemOf(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key))
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`
}

const derOf = (keyPem: string): ArrayBuffer => x509.PemConverter.decode(keyPem)[0] as ArrayBuffer

/** Positive, sixteen bytes long and unpredictable. */
function serialNumber(): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}
