import { handleCommand } from '@mailx/event-log/handle-command'
import { domainEvents } from '@mailx/events/identity'
import { signDocument } from '@mailx/keys/domain-document'
import { domain } from '../deciders/domain.ts'
import { documentIsDue } from '../deciders/domain-document.ts'
import { type HostedDomain, requireHosted } from '../deciders/hosted-domain.ts'
import { type DomainKeyDeps, domainKeyOf } from './domain-keys.ts'
import { domainStream, readDomain } from './identity-state.ts'

/**
 * Publishes a new document if one is due, and answers the domain with the document that stands
 * afterwards. The document is composed from the very state that it is appended to, so no key that was
 * certified meanwhile can be missing from it.
 */
export async function publishDocument(deps: DomainKeyDeps, name: string): Promise<HostedDomain> {
  const { log, now, settingsOf, vault } = deps
  const hosted = requireHosted(await readDomain(log, name))
  const settings = settingsOf(name)
  const at = now()
  if (!documentIsDue(hosted, settings, at)) return hosted

  const { secretKey } = await domainKeyOf(vault, hosted)
  await handleCommand(log, {
    ...domainStream(name),
    codecs: domainEvents,
    decider: domain,
    command: {
      type: 'PublishDocument',
      settings,
      sign: (document) => signDocument(document, secretKey),
      at,
    },
  })
  return requireHosted(await readDomain(log, name))
}
