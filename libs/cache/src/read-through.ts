import { counter } from '@mailx/telemetry/metrics'
import type { Redis } from 'ioredis'
import { cacheKey } from './cache-key.ts'
import { askRedis } from './guarded.ts'

export type ReadThroughOptions<Value> = {
  /** Names the kind of thing; change it when the encoding changes. */
  readonly prefix: string
  readonly ttlMs: number | ((value: Value) => number)
  /** The truth. Undefined (nothing there) is not cached. */
  readonly load: (id: string) => Promise<Value | undefined>
  readonly encode: (value: Value) => Uint8Array
  /** May throw on bytes it does not know: they count as not cached. */
  readonly decode: (bytes: Uint8Array) => Value
}

export type ReadThrough<Value> = {
  /** The cached value or the loaded one; rejects only when `load` does. */
  readonly get: (id: string) => Promise<Value | undefined>
  /** Drops a copy. While Redis is down copies there live on until their time is up. */
  readonly forget: (id: string) => Promise<void>
}

const reads = counter({
  name: 'mailx_cache_reads_total',
  help: 'Look-ups through a cache, by what Redis said: hit, miss or down.',
  labelNames: ['cache', 'outcome'],
})

/** A cache in front of `load`. Callers asking for the same thing at once share one load. */
export function readThrough<Value>(
  redis: Redis,
  { prefix, ttlMs, load, encode, decode }: ReadThroughOptions<Value>,
): ReadThrough<Value> {
  const loading = new Map<string, Promise<Value | undefined>>()

  const cached = async (key: string): Promise<Value | undefined> => {
    const answer = await askRedis(redis, (client) => client.getBuffer(key))
    const outcome = answer.status === 'down' ? 'down' : answer.value === null ? 'miss' : 'hit'
    reads.inc({ cache: prefix, outcome })
    if (answer.status === 'down' || answer.value === null) return undefined
    try {
      return decode(Uint8Array.from(answer.value))
    } catch {
      // Written by another version or by someone else: load it again and overwrite.
      return undefined
    }
  }

  const loadAndKeep = async (id: string, key: string): Promise<Value | undefined> => {
    const copy = await cached(key)
    if (copy !== undefined) return copy
    const value = await load(id)
    if (value === undefined) return undefined
    const ttl = Math.floor(typeof ttlMs === 'number' ? ttlMs : ttlMs(value))
    const bytes = Buffer.from(encode(value))
    if (ttl > 0) await askRedis(redis, (client) => client.set(key, bytes, 'PX', ttl))
    return value
  }

  const get = (id: string): Promise<Value | undefined> => {
    const key = cacheKey(prefix, id)
    const running = loading.get(key)
    if (running !== undefined) return running
    const started = loadAndKeep(id, key).finally(() => loading.delete(key))
    loading.set(key, started)
    return started
  }
  const forget = async (id: string): Promise<void> => {
    const key = cacheKey(prefix, id)
    loading.delete(key)
    await askRedis(redis, (client) => client.del(key))
  }
  return { get, forget }
}
