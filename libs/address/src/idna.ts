import { toASCII, toUnicode } from 'tr46'

// UTS 46, non-transitional and strict; hyphens are checked by the label rule of domain.ts.
const strict = {
  checkBidi: true,
  checkJoiners: true,
  useSTD3ASCIIRules: true,
  verifyDNSLength: true,
  transitionalProcessing: false,
  ignoreInvalidPunycode: false,
}

/** The A-labels of a name, or undefined when it has none. */
export const toALabels = (name: string): string | undefined => toASCII(name, strict) ?? undefined

/** The U-labels of a name, or undefined when its punycode is broken. */
export function toULabels(name: string): string | undefined {
  const { domain, error } = toUnicode(name, strict)
  return error ? undefined : domain
}
