import { handleCommand } from '@mailx/event-log/handle-command'
import { domainEvents } from '@mailx/events/identity'
import { createCaCertificate } from '@mailx/federation/peer-certificate'
import { domain, type KeyToCertify } from '../deciders/domain.ts'
import { type HostedDomain, isDueForRenewal, newestKey, termOf } from '../deciders/hosted-domain.ts'
import { type DomainKeyDeps, domainKeyOf, HOLDER, keySigner } from './domain-keys.ts'
import { domainStream } from './identity-state.ts'

/** Certifies a key; a document that names it is then due. Safe to repeat. */
export async function certifyKey(
  deps: DomainKeyDeps,
  hosted: HostedDomain,
  key: Omit<KeyToCertify, 'opening'>,
  at: number,
): Promise<void> {
  const { log, random, vault } = deps
  await handleCommand(log, {
    ...domainStream(hosted.domain),
    codecs: domainEvents,
    decider: domain,
    command: {
      type: 'CertifyKey',
      key: { ...key, opening: random(32) },
      sign: keySigner(await domainKeyOf(vault, hosted)),
      at,
    },
  })
}

/** Renews the keys that identity holds itself, once two thirds of their term are over. */
export async function renewOwnKeys(deps: DomainKeyDeps, hosted: HostedDomain): Promise<void> {
  const at = deps.now()
  const attest = newestKey(hosted, 'attest')
  if (attest === undefined || isDueForRenewal(attest, at)) {
    const generation = hosted.keys.filter(({ use }) => use === 'attest').length + 1
    const { publicKey } = await deps.vault.keep({
      domain: hosted.domain,
      use: 'attest',
      generation,
    })
    await certifyKey(deps, hosted, { use: 'attest', publicKey, holder: HOLDER }, at)
  }
  const tls = newestKey(hosted, 'tls')
  if (tls === undefined || isDueForRenewal(tls, at)) {
    // The same key under a new certificate: leaves issued before stay good, and so do the copies of
    // the old document that peers hold.
    const slot = { domain: hosted.domain, use: 'tls', generation: 1 }
    const keyPair = await deps.vault.keep(slot)
    const caCertificate = await createCaCertificate({
      domain: hosted.domain,
      keyPair,
      ...termOf(at),
    })
    const { publicKey } = keyPair
    await certifyKey(deps, hosted, { use: 'tls', publicKey, holder: HOLDER, caCertificate }, at)
  }
}
