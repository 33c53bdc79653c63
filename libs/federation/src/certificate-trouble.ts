/** Names that fit into a line. */
const MOST = 5

type Shown = { readonly notAfter: number } | undefined

/**
 * What is wrong with the certificates that hosted domains show, for the operator; undefined when every
 * domain has one that is valid now.
 */
export function certificateTrouble(
  domains: readonly string[],
  certificateOf: (domain: string) => Shown,
  now: number,
): string | undefined {
  const missing = domains.filter((domain) => certificateOf(domain) === undefined)
  const expired = domains.filter((domain) => (certificateOf(domain)?.notAfter ?? now + 1) <= now)
  const parts = [
    ...(missing.length > 0 ? [`none yet for ${list(missing)}`] : []),
    ...(expired.length > 0
      ? [`run out for ${list(expired)}: identity does not renew them, or this clock is wrong`]
      : []),
  ]
  return parts.length === 0 ? undefined : parts.join('; ')
}

const list = (domains: readonly string[]): string =>
  domains.length > MOST
    ? `${domains.slice(0, MOST).join(', ')} and ${domains.length - MOST} more`
    : domains.join(', ')
