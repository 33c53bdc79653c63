import { randomFillSync } from 'node:crypto'

const POOL_BYTES = 4_096
/** More than a key or an id are asked for one by one. */
const LARGEST = 64

const pool = new Uint8Array(POOL_BYTES)
let used = POOL_BYTES

/**
 * Random bytes of the operating system's quality. Small ones come out of a pool that is filled at once,
 * because each call into OpenSSL costs more than an id is worth. What was handed out is wiped there.
 */
export function pooledRandom(length: number): Uint8Array {
  if (length > LARGEST) return randomFillSync(new Uint8Array(length))
  if (used + length > POOL_BYTES) {
    randomFillSync(pool)
    used = 0
  }
  const bytes = pool.slice(used, used + length)
  pool.fill(0, used, used + length)
  used += length
  return bytes
}
