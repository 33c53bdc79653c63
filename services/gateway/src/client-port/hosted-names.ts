import { parseDomain } from '@mailx/address/domain'
import { MailxError } from '@mailx/errors/mailx-error'

/**
 * The hosted domain that a host name is in: the domain itself or a host below it, as DNS records and
 * Host headers name servers.
 */
export function hostedDomainOf(
  host: string,
  isHosted: (domain: string) => boolean,
): string | undefined {
  let name = canonical(host)
  while (name !== undefined) {
    if (isHosted(name)) return name
    const dot = name.indexOf('.')
    name = dot < 0 ? undefined : name.slice(dot + 1)
  }
  return undefined
}

function canonical(host: string): string | undefined {
  try {
    return parseDomain(host)
  } catch (error) {
    if (error instanceof MailxError) return undefined
    throw error
  }
}
