import { lookUpKeys } from '@mailx/client/look-up-keys'
import type { Circle } from './circles.ts'
import { inParallel } from './in-parallel.ts'
import type { Person } from './people.ts'

// A client asks again for keys that are five minutes old.
const EVERY_MS = 4 * 60_000

/**
 * Looks keys up again before they are too old to be used, beside the run, so that no message has to
 * wait for that. Where it fails the messages look them up themselves.
 */
export function keepKeys(
  circles: readonly Circle<Person>[],
  onTrouble: (error: unknown) => void,
): { stop(): void } {
  const renew = async () => {
    // What one user of a domain has looked up, all know.
    const renewed = new Map<unknown, Set<string>>()
    await inParallel(4, circles, async ({ sender, others }) => {
      const { account } = sender
      const known = renewed.get(account.keys) ?? new Set()
      renewed.set(account.keys, known)
      const addresses = others.map(({ address }) => address).filter((one) => !known.has(one))
      for (const address of addresses) known.add(address)
      if (addresses.length === 0) return
      await lookUpKeys(account, addresses, { fresh: true }).catch(onTrouble)
    })
  }
  const timer = setInterval(() => void renew(), EVERY_MS)
  return { stop: () => clearInterval(timer) }
}
