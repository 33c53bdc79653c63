import { randomBytes } from 'node:crypto'
import { toHex, utf8 } from '@mailx/crypto/encoding'
import { blake2b } from '@mailx/crypto/hash'

const DAY_MS = 24 * 60 * 60 * 1000

const ownKey: Uint8Array = randomBytes(32)
let masterKey = () => ownKey
let today = { day: -1, key: ownKey }

/**
 * Lets several processes write the same hash for an address. Without it each process has its own. A key
 * that changes is taken with the next day.
 */
export function setAddressHashKey(key: () => Uint8Array): void {
  masterKey = () => blake2b(utf8('mailx telemetry address hash'), { key: key() })
  today = { ...today, day: -1 }
}

/**
 * What may stand for an address in logs, spans and metrics: 16 hex digits under a key that changes
 * every day (UTC), so that lines of one day can be joined and nothing can be looked up later.
 */
export function hashAddress(address: string, now: number = Date.now()): string {
  const day = Math.floor(now / DAY_MS)
  if (today.day !== day) today = { day, key: blake2b(utf8(`day ${day}`), { key: masterKey() }) }
  return toHex(blake2b(utf8(address.toLowerCase()), { key: today.key, length: 16 }).subarray(0, 8))
}
