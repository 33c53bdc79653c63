import {
  type HeldOperationalKey,
  type HoldOperationalKeyOptions,
  holdOperationalKey,
  type OperationalSigningKey,
} from '@mailx/federation/operational-key'

export type LogKeys = {
  keyOf(domain: string): Promise<OperationalSigningKey>
  stop(): Promise<void>
}

/** The `log` keys of the hosted domains, each taken in hand when it is first needed. */
export function logKeys(
  options: Omit<HoldOperationalKeyOptions, 'domain' | 'use' | 'holder'>,
): LogKeys {
  const held = new Map<string, Promise<HeldOperationalKey>>()
  const hold = (domain: string) => {
    const key = holdOperationalKey({ ...options, domain, use: 'log', holder: 'transparency' })
    held.set(domain, key)
    // Whoever awaits the key learns why; the next one tries again.
    key.catch(() => held.delete(domain))
    return key
  }
  return {
    keyOf: async (domain) => (await (held.get(domain) ?? hold(domain))).current(),
    stop: async () => {
      for (const key of await Promise.allSettled(held.values())) {
        if (key.status === 'fulfilled') key.value.stop()
      }
    },
  }
}
