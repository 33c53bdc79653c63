import { createHash } from 'node:crypto'

/**
 * The Redis key for something named by `id`. Redis never sees the name: an address or a session is
 * not to be read from a dump or MONITOR.
 */
export const cacheKey = (prefix: string, id: string): string =>
  `mailx:${prefix}:${createHash('sha256').update(prefix).update('\0').update(id).digest('base64url').slice(0, 27)}`
