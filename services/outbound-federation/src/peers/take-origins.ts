import { domainEvents } from '@mailx/events/identity'
import { repeatedly } from '@mailx/messaging/repeatedly'
import type { Follower } from '@mailx/processors/follower'
import type { Origins } from './origin-credentials.ts'

export type TakenOrigins = {
  readonly follower: Follower<typeof domainEvents>
  /** Hosted domains that have no key and certificate yet. */
  missing(): readonly string[]
  stop(): Promise<void>
}

const RETRY_MS = 500

/**
 * Has a hosted domain's key and certificate made as soon as the domain is there, so that peers find
 * the key in its document before the first delivery. Tries again until identity gives them.
 */
export function takeOrigins(origins: Origins, onFailure: (error: unknown) => void): TakenOrigins {
  const missing = new Set<string>()
  const take = async (domain: string) => {
    await origins.credentialsOf(domain)
    missing.delete(domain)
  }
  const filling = repeatedly(
    RETRY_MS,
    async () => {
      for (const domain of missing) await take(domain)
    },
    onFailure,
  )
  return {
    follower: {
      name: 'outbound-federation.take-origins',
      contexts: ['identity'],
      events: domainEvents,
      handles: ['DomainCreated'],
      apply(events) {
        for (const { data } of events) missing.add(data.domain)
      },
    },
    missing: () => [...missing],
    stop: () => filling.stop(),
  }
}
