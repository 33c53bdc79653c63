import { MailxError } from '@mailx/errors/mailx-error'

export type PostgresTarget = {
  /** Without what it said of TLS: pg would take that in place of what is wanted here. */
  readonly url: string
  /** Undefined: the URL says nothing, and no authority is named. */
  readonly tls: boolean | undefined
}

// With whom they check nothing, these are no more than the last one here: pg sees it the same way.
const wantTls = ['require', 'verify-ca', 'verify-full']
const elsewhere = ['ssl', 'sslcert', 'sslkey', 'sslrootcert', 'sslnegotiation', 'uselibpqcompat']

/**
 * Whether connections by this URL are by TLS: when its `sslmode` says so, or `named` does, an authority
 * for it. Then chain and name of the server's certificate are verified, whichever mode it is. Throws
 * INVALID_ARGUMENT for a mode that would do without, and for what is said by variables here.
 */
export function postgresTarget(url: string, named: boolean): PostgresTarget {
  const whole = new URL(url)
  const { searchParams } = whole
  const stranger = elsewhere.find((name) => searchParams.has(name))
  if (stranger !== undefined) {
    throw wrong(
      `takes no ${stranger}: write sslmode=verify-full, and name files by DATABASE_CA_FILE, DATABASE_CERT_FILE and DATABASE_KEY_FILE`,
    )
  }
  const mode = searchParams.get('sslmode')
  if (mode === null) return { url, tls: named ? true : undefined }
  searchParams.delete('sslmode')
  if (wantTls.includes(mode)) return { url: whole.href, tls: true }
  if (mode !== 'disable') {
    throw wrong('has an sslmode that lets in whoever answers: write sslmode=verify-full')
  }
  if (named) throw wrong('says sslmode=disable, and files for TLS are named: take away either')
  return { url: whole.href, tls: false }
}

const wrong = (what: string) => new MailxError('INVALID_ARGUMENT', `DATABASE_URL ${what}`)
