import { MailxError } from '@mailx/errors/mailx-error'
import { toALabels, toULabels } from './idna.ts'

const MAX_DOMAIN = 253
const MAX_LABEL = 63
const label = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/

/**
 * A domain name in its one form: IDNA A-labels, lower case, no trailing dot, at most 253 characters.
 * Takes U-labels and any case. Throws INVALID_DOMAIN on everything else: IP addresses, empty or
 * over-long labels, underscores, invalid punycode, and letters that IDNA would map away.
 */
export function parseDomain(text: string): string {
  if (text.length === 0 || text.length > MAX_DOMAIN) {
    throw invalid(text, `must have 1 to ${MAX_DOMAIN} characters`)
  }
  const ascii = /^[\x20-\x7e]*$/.test(text) ? fromAscii(text) : fromUnicode(text)
  if (/^([0-9]+|0x[0-9a-f]*)$/.test(ascii.slice(ascii.lastIndexOf('.') + 1))) {
    throw invalid(text, 'is an IP address')
  }
  return ascii
}

/** Plain names need no IDNA: they are on the way of every message. */
function fromAscii(text: string): string {
  const lower = text.toLowerCase()
  if (/[^a-z0-9.-]/.test(lower)) throw invalid(text, 'holds characters that no domain has')
  checkLabels(text, lower)
  return lower.includes('xn--') ? checked(text, toALabels(lower)) : lower
}

function fromUnicode(text: string): string {
  // Letter by letter: in whole words a capital sigma has two lower-case forms.
  const lower = Array.from(text, (letter) => letter.toLowerCase()).join('')
  const ascii = checked(text, toALabels(lower))
  // What Unicode or IDNA maps (accents of their own, width, ligatures, invisible letters, the kelvin
  // sign) would be a second way to write a name.
  const isOneForm = text === text.normalize('NFC') && lower.length === text.length
  if (!(isOneForm && toULabels(ascii) === lower)) {
    throw invalid(text, `can be written in one way: ${ascii}`)
  }
  return ascii
}

function checked(text: string, ascii: string | undefined): string {
  if (ascii === undefined) throw invalid(text, 'is not a valid (internationalised) domain name')
  if (ascii.length > MAX_DOMAIN) throw invalid(text, `is longer than ${MAX_DOMAIN} characters`)
  checkLabels(text, ascii)
  return ascii
}

function checkLabels(text: string, domain: string): void {
  for (const part of domain.split('.')) checkLabel(text, part)
}

function checkLabel(text: string, part: string): void {
  if (part.length === 0) throw invalid(text, 'has an empty label')
  if (part.length > MAX_LABEL) throw invalid(text, `has a label over ${MAX_LABEL} characters`)
  if (!label.test(part))
    throw invalid(text, `has the label "${part}": use letters, digits, hyphens`)
}

const invalid = (text: string, why: string) =>
  new MailxError('INVALID_DOMAIN', `the domain ${JSON.stringify(text.slice(0, 80))} ${why}`)
