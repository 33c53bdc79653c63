import { parseDomain } from '@mailx/address/domain'
import { fromBase64, toBase64 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'

/** What `_mailx.<domain>` says. */
export type TxtRecord = {
  /** The domain key; further ones are announced successors. 1 … 4, all different. */
  readonly publicKeys: readonly Uint8Array[]
  readonly endpoint: { readonly host: string; readonly port: number }
  /** The record's strings, joined. */
  readonly raw: string
}

const MAX_RECORD_LENGTH = 4096
const MAX_KEYS = 4

// Looser than the grammar: a record that means to be ours and is malformed must not be overlooked.
const meansMailx1 = /^\s*v\s*=\s*"?mailx1"?\s*(?:;|$)/i
const tag = /^([a-z][a-z0-9_]*)=([\x21-\x3a\x3c-\x7e]*)$/

/**
 * Reads all TXT records found at `_mailx.<domain>`, each as its list of strings (joined without a
 * space). Records of others are ignored. Exactly one must be ours:
 *
 *     v=mailx1;k=<base64 key>[;k=<base64 next key>];e=https://host[:port]
 *
 * `v` comes first; the other tags in any order; tags are lower case, there is no white space, unknown
 * tags are ignored, one semicolon may close the record. Throws NO_MAILX_RECORD when there is none,
 * BAD_MAILX_RECORD when it is malformed or there are several. Both are permanent.
 */
export function parseTxt(records: readonly (readonly string[])[]): TxtRecord {
  const ours = records.map((strings) => strings.join('')).filter((text) => meansMailx1.test(text))
  const [raw, ...others] = ours
  if (raw === undefined) {
    throw new MailxError('NO_MAILX_RECORD', 'no TXT record starts with v=mailx1; publish one')
  }
  if (others.length > 0) throw refusal(`${ours.length} records start with v=mailx1, keep one`)
  if (raw.length > MAX_RECORD_LENGTH) {
    throw refusal(`longer than the limit of ${MAX_RECORD_LENGTH} characters`)
  }
  const tags = splitTags(raw)
  return {
    publicKeys: readKeys(tags.filter(([name]) => name === 'k').map(([, value]) => value)),
    endpoint: readEndpoint(tags.filter(([name]) => name === 'e').map(([, value]) => value)),
    raw,
  }
}

/** The record's text. Longer than 255 characters it has to be published as several strings. */
export const formatTxt = (record: Omit<TxtRecord, 'raw'>): string =>
  [
    'v=mailx1',
    ...record.publicKeys.map((key) => `k=${toBase64(key)}`),
    `e=https://${record.endpoint.host}:${record.endpoint.port}`,
  ].join(';')

function splitTags(raw: string): [name: string, value: string][] {
  const parts = raw.split(';')
  if (parts.at(-1) === '') parts.pop()
  const tags = parts.map((part): [string, string] => {
    const [, name, value] = tag.exec(part) ?? []
    if (name === undefined || value === undefined) {
      throw refusal('a part is not name=value in lower case and printable ASCII without spaces')
    }
    return [name, value]
  })
  if (tags[0]?.[0] !== 'v' || tags[0][1] !== 'mailx1') throw refusal('does not start with v=mailx1')
  if (tags.filter(([name]) => name === 'v').length > 1) throw refusal('tag v appears twice')
  return tags
}

function readKeys(values: readonly string[]): Uint8Array[] {
  if (values.length === 0) throw refusal('tag k is missing')
  if (values.length > MAX_KEYS) throw refusal(`more than ${MAX_KEYS} tags k`)
  if (new Set(values).size !== values.length) throw refusal('the same key appears twice')
  return values.map((value) => {
    try {
      return fromBase64(value, 32)
    } catch (cause) {
      if (!(cause instanceof MailxError)) throw cause
      throw new MailxError('BAD_MAILX_RECORD', 'TXT record: k is not 32 bytes in padded base64', {
        cause,
      })
    }
  })
}

const endpoint = /^https:\/\/([^/:?#@[\]]+)(?::([0-9]{1,5}))?\/?$/

function readEndpoint(values: readonly string[]): TxtRecord['endpoint'] {
  const [value, ...others] = values
  if (value === undefined) throw refusal('tag e is missing')
  if (others.length > 0) throw refusal('tag e appears twice')
  const [, host, portText] = endpoint.exec(value) ?? []
  const port = Number(portText ?? '443')
  if (host === undefined || !(port >= 1 && port <= 65_535)) {
    throw refusal('e is not https://host:port')
  }
  try {
    return { host: parseDomain(host), port }
  } catch (cause) {
    if (!(cause instanceof MailxError)) throw cause
    throw new MailxError('BAD_MAILX_RECORD', 'TXT record: the host in e is not a domain name', {
      cause,
    })
  }
}

const refusal = (what: string) => new MailxError('BAD_MAILX_RECORD', `TXT record: ${what}`)
