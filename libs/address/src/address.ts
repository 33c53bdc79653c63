import { MailxError } from '@mailx/errors/mailx-error'
import { parseDomain } from './domain.ts'

/** An address taken apart. `canonical` identifies a user: lower case, without the tag. */
export type Address = {
  readonly local: string
  /** What stood after the plus; for display only. */
  readonly tag?: string
  readonly domain: string
  readonly canonical: string
}

const MAX_LOCAL = 64
/** Local part, tag and domain at their longest. */
const MAX_ADDRESS = 2 * MAX_LOCAL + 2 + 253

/**
 * `local@domain` or `local+tag@domain`. The local part is `[a-z0-9._-]{1,64}` in any case, without a
 * dot at an end or two in a row; no quotes, no comments, nothing that another parser could read
 * differently. Throws INVALID_ADDRESS, or INVALID_DOMAIN for what follows the @.
 */
export function parseAddress(text: string): Address {
  if (text.length > MAX_ADDRESS) throw invalid(text, `is over ${MAX_ADDRESS} characters`)
  const at = text.indexOf('@')
  if (at < 0 || text.indexOf('@', at + 1) >= 0) throw invalid(text, 'needs exactly one @')
  const [name = '', ...rest] = text.slice(0, at).toLowerCase().split('+')
  if (rest.length > 1) throw invalid(text, 'has more than one +')
  const [tag] = rest
  checkLocal(text, name, 'the part before the @')
  if (tag !== undefined) checkLocal(text, tag, 'the tag after the +')
  // toLowerCase maps a few other letters into ASCII (U+212A); only ASCII may have been typed.
  if (!/^[A-Za-z0-9._+-]*$/.test(text.slice(0, at)))
    throw invalid(text, 'holds letters beyond ASCII')
  const domain = parseDomain(text.slice(at + 1))
  const canonical = `${name}@${domain}`
  return { local: name, ...(tag !== undefined && { tag }), domain, canonical }
}

function checkLocal(text: string, part: string, what: string): void {
  if (part.length === 0) throw invalid(text, `${what} is empty`)
  if (part.length > MAX_LOCAL) throw invalid(text, `${what} is over ${MAX_LOCAL} characters`)
  if (!/^[a-z0-9._-]+$/.test(part)) {
    throw invalid(text, `${what} holds other characters than a-z, 0-9, dot, underscore and hyphen`)
  }
  if (part.startsWith('.') || part.endsWith('.') || part.includes('..')) {
    throw invalid(text, `${what} has a dot at an end or two in a row`)
  }
}

const invalid = (text: string, why: string) =>
  new MailxError('INVALID_ADDRESS', `the address ${JSON.stringify(text.slice(0, 80))}: ${why}`)
