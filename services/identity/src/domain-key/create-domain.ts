import { parseDomain } from '@mailx/address/domain'
import { handleCommand } from '@mailx/event-log/handle-command'
import { domainEvents } from '@mailx/events/identity'
import { createCaCertificate } from '@mailx/federation/peer-certificate'
import { domain } from '../deciders/domain.ts'
import { type HostedDomain, requireHosted, termOf } from '../deciders/hosted-domain.ts'
import { type DomainKeyDeps, HOLDER, keySigner } from './domain-keys.ts'
import { domainStream, readDomain } from './identity-state.ts'
import { publishDocument } from './publish-document.ts'

/**
 * Makes the domain with its first keys and its first document. For a domain that is hosted it
 * answers what is there. The keys are in the vault before the log names them: a crash in between
 * leaves keys that the next attempt takes.
 */
export async function createDomain(deps: DomainKeyDeps, name: string): Promise<HostedDomain> {
  const { log, now, random, vault } = deps
  const canonical = parseDomain(name)
  const known = await readDomain(log, canonical)
  if (known.status === 'hosted') return publishDocument(deps, known.domain)

  const firstKey = (use: string) => vault.keep({ domain: canonical, use, generation: 1 })
  const [domainKey, attestKey, tlsKey] = await Promise.all([
    firstKey('domain'),
    firstKey('attest'),
    firstKey('tls'),
  ])
  const at = now()
  const caCertificate = await createCaCertificate({
    domain: canonical,
    keyPair: tlsKey,
    ...termOf(at),
  })
  const { publicKey } = domainKey
  await handleCommand(log, {
    ...domainStream(canonical),
    codecs: domainEvents,
    decider: domain,
    command: {
      type: 'CreateDomain',
      domain: canonical,
      publicKey,
      opening: random(32),
      keys: [
        { use: 'attest', publicKey: attestKey.publicKey, holder: HOLDER, opening: random(32) },
        {
          use: 'tls',
          publicKey: tlsKey.publicKey,
          holder: HOLDER,
          opening: random(32),
          caCertificate,
        },
      ],
      sign: keySigner(domainKey),
      at,
    },
  })
  return publishDocument(deps, canonical)
}

/** The hosted domain of that name, in whatever spelling. Throws INVALID_DOMAIN or NOT_FOUND. */
export const hostedDomain = async (deps: Pick<DomainKeyDeps, 'log'>, name: string) =>
  requireHosted(await readDomain(deps.log, parseDomain(name)))
