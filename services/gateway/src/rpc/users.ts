import type { EventLog } from '@mailx/event-log/event-log'
import { LRUCache } from 'lru-cache'

/** Tells which addresses of hosted domains have a user. */
export type Users = {
  exists(address: string): Promise<boolean>
}

const MAX_KNOWN = 100_000

/**
 * Asks the log itself, so that somebody who registered a moment ago can be written to. A user who was
 * found once is remembered: users do not disappear.
 */
export function users(log: Pick<EventLog, 'readStream'>): Users {
  // With `max` its room would be taken at once.
  const known = new LRUCache<string, true>({ maxSize: MAX_KNOWN, sizeCalculation: () => 1 })
  return {
    async exists(address) {
      if (known.has(address)) return true
      const key = domainOf(address)
      const events = await log.readStream({ context: 'identity', key, stream: `user/${address}` })
      if (events.length === 0) return false
      known.set(address, true)
      return true
    },
  }
}

/** Of a canonical address. */
export const domainOf = (address: string): string => address.slice(address.indexOf('@') + 1)
