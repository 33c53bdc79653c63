import { domainEvents } from '@mailx/events/identity'
import type { Follower } from '@mailx/processors/follower'
import type { Origins } from './origin-credentials.ts'

/**
 * Has a hosted domain's key and certificate made as soon as the domain is there, so that peers find
 * the key in its document before the first delivery. What fails here is tried again when needed.
 */
export const takeOrigins = (
  origins: Origins,
  onFailure: (error: unknown) => void,
): Follower<typeof domainEvents> => ({
  name: 'outbound-federation.take-origins',
  contexts: ['identity'],
  events: domainEvents,
  handles: ['DomainCreated'],
  apply(events) {
    for (const { data } of events) origins.credentialsOf(data.domain).catch(onFailure)
  },
})
