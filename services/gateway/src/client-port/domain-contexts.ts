import { hostedContexts } from '@mailx/federation/hosted-contexts'
import type { Certificates } from './certificates.ts'
import { hostedDomainOf } from './hosted-names.ts'
import type { ContextOf } from './tls-options.ts'

type Deps = {
  readonly certificates: Certificates
  readonly isHosted: (domain: string) => boolean
  /** Reads which domains are hosted. */
  readonly refresh: () => Promise<void>
  readonly now: () => number
}

/** Strangers who ask for any name must not make us read more often. */
const LOOK_AGAIN_MS = 500

/**
 * The TLS contexts for names in SNI: of the domains themselves, and of hosts below them. A domain that
 * was created a moment ago is looked for before the name is refused.
 */
export function domainContexts({ certificates, isHosted, refresh, now }: Deps) {
  const contextOf = hostedContexts(certificates.certificateOf)
  let lookedAt = Number.NEGATIVE_INFINITY

  const find = async (domainOf: (name: string) => string | undefined, name: string) => {
    const context = contextOf(domainOf(name) ?? '')
    if (context !== undefined || now() - lookedAt < LOOK_AGAIN_MS) return context
    lookedAt = now()
    await refresh()
    await certificates.complete()
    return contextOf(domainOf(name) ?? '')
  }
  const ofDomain: ContextOf = (name) =>
    find((wanted) => (isHosted(wanted) ? wanted : undefined), name)
  const ofHost: ContextOf = (name) => find((wanted) => hostedDomainOf(wanted, isHosted), name)
  return { ofDomain, ofHost }
}
