import { signAttestation } from '@mailx/keys/attestation'
import type { HostedDomain } from '../deciders/hosted-domain.ts'
import type { Attest, Openings } from '../deciders/user.ts'
import { type DomainKeyDeps, ownKeyOf } from './domain-keys.ts'

/** What a decision about a user needs of the domain: its attestation, fresh openings, the time. */
export async function attesting(
  deps: DomainKeyDeps,
  hosted: HostedDomain,
): Promise<{ attest: Attest; openings: Openings; at: number }> {
  const at = deps.now()
  const key = await ownKeyOf(deps.vault, hosted, 'attest', at)
  return {
    attest: (identity) => signAttestation(identity, key),
    openings: { identity: deps.random(32), deviceList: deps.random(32) },
    at,
  }
}
