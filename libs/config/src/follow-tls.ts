import type { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createSecureContext, type SecureContext } from 'node:tls'
import { MailxError } from '@mailx/errors/mailx-error'
import { lastGood, type OnTrouble } from './last-good.ts'
import { certificatesIn, isKeyOf, wrongFile } from './pem.ts'

/** Paths of PEM files, as `<PREFIX>_CA_FILE`, `<PREFIX>_CERT_FILE` and `<PREFIX>_KEY_FILE` name them. */
export type TlsFiles = {
  /** The authorities whose certificates the server may show. Left out: those that Node knows. */
  readonly ca: string | undefined
  /** The certificate that this process shows, and its key. */
  readonly cert: string | undefined
  readonly key: string | undefined
}

type Texts = Readonly<Record<keyof TlsFiles, string | undefined>>

/**
 * What a connection by TLS is made with, read again for each one. Files that are no good leave what was
 * there; UNAVAILABLE with the reason as long as they never were. Undefined when no file is named;
 * throws INVALID_ARGUMENT when one of certificate and key is.
 */
export function followTls(
  prefix: string,
  files: TlsFiles,
  onTrouble: OnTrouble,
): (() => SecureContext) | undefined {
  const { ca, cert, key } = files
  if ((cert === undefined) !== (key === undefined)) {
    const missing = `${prefix}_${cert === undefined ? 'CERT' : 'KEY'}_FILE`
    throw new MailxError(
      'INVALID_ARGUMENT',
      `a certificate and its key go together: set ${missing}, too`,
    )
  }
  if (ca === undefined && cert === undefined) return undefined
  let made: { readonly texts: string; readonly context: SecureContext } | undefined
  const read = () => {
    const all = {
      ca: readPem(`${prefix}_CA_FILE`, ca),
      cert: readPem(`${prefix}_CERT_FILE`, cert),
      key: readPem(`${prefix}_KEY_FILE`, key),
    }
    const texts = JSON.stringify(all)
    if (made?.texts !== texts) made = { texts, context: contextOf(prefix, all) }
    return made.context
  }
  return lastGood({ read, onTrouble })
}

function contextOf(prefix: string, { ca, cert, key }: Texts): SecureContext {
  if (ca !== undefined) certificatesIn(`${prefix}_CA_FILE`, ca)
  if (cert !== undefined && key !== undefined) {
    const [leaf] = certificatesIn(`${prefix}_CERT_FILE`, cert)
    if (!isKeyOf(leaf as X509Certificate, `${prefix}_KEY_FILE`, key)) {
      throw wrongFile(`${prefix}_KEY_FILE is not the key of ${prefix}_CERT_FILE`)
    }
  }
  return createSecureContext({ ca, cert, key })
}

function readPem(variable: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw wrongFile(`${variable} cannot be read: ${code} (${path})`)
  }
}
