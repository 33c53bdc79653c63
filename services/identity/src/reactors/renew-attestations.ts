import { handleCommand } from '@mailx/event-log/handle-command'
import type { Sql } from '@mailx/event-log/sql'
import { userEvents } from '@mailx/events/identity'
import { ATTESTATION_RENEWAL_MS, user } from '../deciders/user.ts'
import { attesting } from '../domain-key/attest-user.ts'
import { hostedDomain } from '../domain-key/create-domain.ts'
import type { DomainKeyDeps } from '../domain-key/domain-keys.ts'
import { userStream } from '../domain-key/identity-state.ts'

type Deps = DomainKeyDeps & {
  readonly sql: Sql
  readonly onFailure: (error: unknown, domain: string) => void
}

const PER_ROUND = 500

const due = `select address, domain from identity.attestations
  where expires_at < $1 order by expires_at limit ${PER_ROUND}`

/** One round: attests again the users whose attestation ends soonest, before it ends. */
export async function renewAttestations(deps: Deps): Promise<void> {
  const { rows } = await deps.sql.query<{ address: string; domain: string }>(due, [
    deps.now() + ATTESTATION_RENEWAL_MS,
  ])
  for (const { address, domain } of rows) {
    try {
      const hosted = await hostedDomain(deps, domain)
      await handleCommand(deps.log, {
        ...userStream(address, domain),
        codecs: userEvents,
        decider: user,
        command: { type: 'RenewAttestation', ...(await attesting(deps, hosted)) },
        metadata: { actor: 'identity' },
      })
    } catch (error) {
      deps.onFailure(error, domain)
    }
  }
}
