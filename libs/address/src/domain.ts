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
  const isAscii = /^[\x20-\x7e]*$/.test(text)
  // Letter by letter: in whole words a capital sigma has two lower-case forms.
  const lower = Array.from(text, (letter) => letter.toLowerCase()).join('')
  if (isAscii && /[^a-z0-9.-]/.test(lower)) {
    throw invalid(text, 'holds characters that no domain has')
  }
  if (isAscii) checkLabels(text, lower)
  const ascii = toALabels(lower)
  if (ascii === undefined) throw invalid(text, 'is not a valid (internationalised) domain name')
  if (ascii.length > MAX_DOMAIN) throw invalid(text, `is longer than ${MAX_DOMAIN} characters`)
  checkLabels(text, ascii)
  // What Unicode or IDNA maps (accents of their own, width, ligatures, invisible letters, the kelvin
  // sign) would be a second way to write a name.
  const isOneForm = text === text.normalize('NFC') && lower.length === text.length
  if (!isAscii && !(isOneForm && toULabels(ascii) === lower)) {
    throw invalid(text, `can be written in one way: ${ascii}`)
  }
  if (/^([0-9]+|0x[0-9a-f]*)$/.test(ascii.slice(ascii.lastIndexOf('.') + 1))) {
    throw invalid(text, 'is an IP address')
  }
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
