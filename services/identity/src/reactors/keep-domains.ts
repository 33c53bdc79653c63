import type { Sql } from '@mailx/event-log/sql'
import { domainLabel } from '@mailx/telemetry/capped-label'
import { gauge } from '@mailx/telemetry/metrics'
import { renewOwnKeys } from '../domain-key/certify-key.ts'
import { hostedDomain } from '../domain-key/create-domain.ts'
import type { DomainKeyDeps } from '../domain-key/domain-keys.ts'
import { publishDocument } from '../domain-key/publish-document.ts'

const keyCreated = gauge({
  name: 'mailx_domain_key_created_timestamp_seconds',
  help: 'When the key of a hosted domain was made, by which other domains know it.',
  labelNames: ['domain'],
})

type Deps = DomainKeyDeps & {
  readonly sql: Sql
  /** Told of a domain that could not be looked after; the next round tries again. */
  readonly onFailure: (error: unknown, domain: string) => void
}

/**
 * One round over the hosted domains: renews identity's own keys, and the document where it runs out
 * or the configuration has changed. Replicas may do it at once: the second finds nothing due.
 */
export async function keepDomains(deps: Deps): Promise<void> {
  const { rows } = await deps.sql.query<{ domain: string; created_at: string }>(
    'select domain, created_at from identity.domains order by domain',
  )
  for (const { created_at, domain } of rows) {
    keyCreated.set({ domain: domainLabel(domain) }, Number(created_at) / 1000)
    try {
      await renewOwnKeys(deps, await hostedDomain(deps, domain))
      await publishDocument(deps, domain)
    } catch (error) {
      deps.onFailure(error, domain)
    }
  }
}
