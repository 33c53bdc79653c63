import { domainEvents } from '@mailx/events/identity'
import type { Follower } from '@mailx/processors/follower'

export type HostedDomains = {
  readonly follower: Follower<typeof domainEvents>
  has(domain: string): boolean
}

/** The domains that are ours, in memory. New ones count without restart. */
export function hostedDomains(): HostedDomains {
  const domains = new Set<string>()
  return {
    has: (domain) => domains.has(domain),
    follower: {
      name: 'directory.hosted-domains',
      contexts: ['identity'],
      events: domainEvents,
      handles: ['DomainCreated'],
      apply: (events) => {
        for (const { data } of events) domains.add(data.domain)
      },
    },
  }
}
