import { createPrivateKey, X509Certificate } from 'node:crypto'
import { MailxError } from '@mailx/errors/mailx-error'

/** Files may become right: whoever reads them tries again. */
export const wrongFile = (reason: string): MailxError => new MailxError('UNAVAILABLE', reason)

/** The certificates of a PEM file, at least one. Throws UNAVAILABLE that names its variable. */
export function certificatesIn(variable: string, pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  const begun = pem.split('-----BEGIN CERTIFICATE-----').length - 1
  if (begun === 0) throw wrongFile(`${variable} holds no certificate in PEM`)
  try {
    if (begun !== blocks.length) throw new Error('it ends in the middle of one')
    return blocks.map((block) => new X509Certificate(block))
  } catch (error) {
    throw wrongFile(
      `${variable} cannot be read as certificates in PEM: ${(error as Error).message}`,
    )
  }
}

/** Whether the PEM is the certificate's private key. Throws UNAVAILABLE that names its variable. */
export function isKeyOf(leaf: X509Certificate, variable: string, key: string): boolean {
  try {
    return leaf.checkPrivateKey(createPrivateKey(key))
  } catch (error) {
    throw wrongFile(`${variable} holds no private key in PEM: ${(error as Error).message}`)
  }
}
