import type { Backend } from '@mailx/backends/backend'
import { startRedis } from '@mailx/backends/start-redis'
import { eventually } from '@mailx/testing/eventually'
import { type TcpProxy, tcpProxy } from '@mailx/testing/tcp-proxy'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectRedis } from './connect.ts'
import { type ReadThroughOptions, readThrough } from './read-through.ts'

let server: Backend
let proxy: TcpProxy
let redis: Redis
beforeAll(async () => {
  server = await startRedis({ own: true, say: () => {} })
  proxy = await tcpProxy({ target: server.url })
})
afterAll(async () => {
  await proxy.stop()
  await server.stop()
})
beforeEach(async () => {
  redis = await connectRedis({ url: proxy.through(server.url) })
  await redis.flushall()
})
afterEach(() => {
  proxy.set('forward')
  redis.disconnect()
})

const text = new TextEncoder()
const back = new TextDecoder()

function counting(overrides: Partial<ReadThroughOptions<string>> = {}) {
  const loads: string[] = []
  const cache = readThrough<string>(redis, {
    prefix: 'keys',
    ttlMs: 60_000,
    load: async (id) => {
      loads.push(id)
      return `value of ${id}`
    },
    encode: (value) => text.encode(value),
    decode: (bytes) => back.decode(bytes),
    ...overrides,
  })
  return { cache, loads }
}

test('a value is loaded once and answered from Redis afterwards', async () => {
  const { cache, loads } = counting()
  expect(await cache.get('bob@b.test')).toBe('value of bob@b.test')
  expect(await cache.get('bob@b.test')).toBe('value of bob@b.test')
  expect(loads).toEqual(['bob@b.test'])
})

test('Redis never sees what it is a key for', async () => {
  const { cache } = counting({ encode: () => new Uint8Array([1]) })
  await cache.get('bob@b.test')
  const keys = await redis.keys('*')
  expect(keys).toHaveLength(1)
  expect(keys[0]).toMatch(/^mailx:keys:[\w-]{27}$/)
  expect(await redis.pttl(keys[0] ?? '')).toBeGreaterThan(50_000)
})

test('many who ask at once cause one load', async () => {
  const { cache, loads } = counting()
  const asked = await Promise.all(Array.from({ length: 50 }, () => cache.get('a')))
  expect(new Set(asked)).toEqual(new Set(['value of a']))
  expect(loads).toEqual(['a'])
})

test('nothing there is not cached, a failing load reaches everybody and is not cached', async () => {
  const answers: Array<string | Error | undefined> = [undefined, new Error('no database'), 'there']
  const { cache } = counting({
    load: async () => {
      const answer = answers.shift()
      if (answer instanceof Error) throw answer
      return answer
    },
  })
  expect(await cache.get('a')).toBeUndefined()
  await expect(cache.get('a')).rejects.toThrow('no database')
  expect(await cache.get('a')).toBe('there')
})

test('what is forgotten is loaded again', async () => {
  const { cache, loads } = counting()
  await cache.get('a')
  await cache.forget('a')
  await cache.get('a')
  expect(loads).toEqual(['a', 'a'])
})

test('how long a value is kept may depend on it; no time means it is not kept', async () => {
  const { cache, loads } = counting({ ttlMs: () => 0 })
  await cache.get('a')
  await cache.get('a')
  expect(loads).toEqual(['a', 'a'])
})

test('bytes that cannot be read count as not cached and are overwritten', async () => {
  const { cache, loads } = counting({
    decode: (bytes) => {
      if (bytes[0] === 0) throw new Error('what is this')
      return back.decode(bytes)
    },
  })
  await cache.get('a')
  await redis.set((await redis.keys('*'))[0] ?? '', Buffer.from([0]))
  expect(await cache.get('a')).toBe('value of a')
  expect(await cache.get('a')).toBe('value of a')
  expect(loads).toEqual(['a', 'a'])
})

test('FLUSHALL changes no answer', async () => {
  const { cache, loads } = counting()
  await cache.get('a')
  await redis.flushall()
  expect(await cache.get('a')).toBe('value of a')
  expect(loads).toEqual(['a', 'a'])
})

test('a Redis that dies in the middle changes no answer, and is used again when it is back', async () => {
  const { cache, loads } = counting()
  await cache.get('a')
  await server.kill()
  expect(await cache.get('a')).toBe('value of a')
  await expect(cache.forget('a')).resolves.toBeUndefined()
  await server.restart()
  await eventually(async () => {
    await cache.get('b')
    const before = loads.length
    await cache.get('b')
    return loads.length === before
  })
})

test('a Redis that stalls costs one short wait, not one for every question', async () => {
  const { cache } = counting()
  await cache.get('a')
  proxy.set('hold')
  const startedAt = performance.now()
  for (let i = 0; i < 60; i++) expect(await cache.get(`stalled ${i}`)).toBe(`value of stalled ${i}`)
  // Waiting for Redis each of the sixty times would take over six seconds.
  expect(performance.now() - startedAt).toBeLessThan(3_000)
})

test('a Redis that is not there at start is no error', async () => {
  const absent = await connectRedis({ url: 'redis://127.0.0.1:1', waitMs: 50 })
  const cache = readThrough<string>(absent, {
    prefix: 'keys',
    ttlMs: 1_000,
    load: async (id) => id,
    encode: (value) => text.encode(value),
    decode: (bytes) => back.decode(bytes),
  })
  expect(await cache.get('a')).toBe('a')
  absent.disconnect()
})
