import { domainEvents } from '@mailx/events/identity'
import type { Follower } from '@mailx/processors/follower'

/** Tells of each domain that is hosted here: the known ones first, new ones as they come. */
export const hostedDomains = (
  onHosted: (domain: string) => void,
): Follower<typeof domainEvents> => ({
  name: 'inbound.hosted-domains',
  contexts: ['identity'],
  events: domainEvents,
  handles: ['DomainCreated'],
  apply: (events) => {
    for (const { data } of events) onHosted(data.domain)
  },
})
