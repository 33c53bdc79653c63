import { MailxError } from '@mailx/errors/mailx-error'
import type { EventLog } from '@mailx/event-log/event-log'
import type { KeyVault, VaultKey } from '@mailx/federation/key-vault'
import { signStatement } from '@mailx/statement/statement'
import type { KeyRecord } from '../deciders/domain.ts'
import type { DocumentSettings } from '../deciders/domain-document.ts'
import { type HostedDomain, newestKey, type OperationalKeyUse } from '../deciders/hosted-domain.ts'

/** What acting for a domain needs. Only the files of this folder open the vault. */
export type DomainKeyDeps = {
  readonly log: EventLog
  readonly vault: KeyVault
  readonly settingsOf: (domain: string) => DocumentSettings
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
}

/** The name under which identity holds keys of its own. */
export const HOLDER = 'identity'

/** What the domain key signs day to day: operational keys, and nothing that a caller composed. */
export const keySigner = (domainKey: VaultKey) => (record: KeyRecord) =>
  signStatement('operational-key', record, domainKey.secretKey)

/** The domain key of a hosted domain. */
export const domainKeyOf = (vault: KeyVault, domain: HostedDomain): Promise<VaultKey> =>
  secretOf(vault, domain.domain, 'domain', domain.publicKey)

/** The newest valid key that identity holds for a use, with its secret half. */
export async function ownKeyOf(
  vault: KeyVault,
  domain: HostedDomain,
  use: OperationalKeyUse,
  now: number,
) {
  const certified = newestKey(domain, use)
  if (certified === undefined || now >= certified.notAfter) {
    throw new MailxError('UNAVAILABLE', `${domain.domain} has no valid ${use} key at the moment`)
  }
  const key = await secretOf(vault, domain.domain, use, certified.publicKey)
  return { ...certified, secretKey: key.secretKey }
}

async function secretOf(vault: KeyVault, domain: string, use: string, publicKey: Uint8Array) {
  const key = await vault.find(domain, publicKey)
  if (key !== undefined) return key
  throw new MailxError(
    'UNSAFE_CONFIGURATION',
    `identity.vault has no secret for the ${use} key of ${domain}; restore the vault that belongs to this log`,
  )
}
