import type { Backend } from '@mailx/backends/backend'
import { startRedis } from '@mailx/backends/start-redis'
import type { MailxError } from '@mailx/errors/mailx-error'
import { createLogger } from '@mailx/telemetry/logger'
import { eventually } from '@mailx/testing/eventually'
import { type TcpProxy, tcpProxy } from '@mailx/testing/tcp-proxy'
import type { Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { connectRedis } from './connect.ts'
import { type RateLimiter, type RateLimitOptions, rateLimiter } from './rate-limit.ts'

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

const limit = (overrides: Partial<RateLimitOptions> = {}): RateLimiter =>
  rateLimiter({
    redis,
    name: 'submit per session',
    points: 10,
    durationMs: 60_000,
    onRedisDown: 'local-bucket',
    ...overrides,
  })

async function allowed(limiter: RateLimiter, id: string, tries: number): Promise<number> {
  let count = 0
  for (let i = 0; i < tries; i++) {
    await limiter.consume(id).then(
      () => {
        count += 1
      },
      (error: unknown) => expect(error).toMatchObject({ code: 'RATE_LIMITED' }),
    )
  }
  return count
}

test('so much is allowed and no more, for each one apart, over all replicas together', async () => {
  const [one, other] = [limit(), limit()]
  expect(await allowed(one, 'alice', 6)).toBe(6)
  expect(await allowed(other, 'alice', 6)).toBe(4)
  expect(await allowed(other, 'bob', 6)).toBe(6)
})

test('a refusal says when to come again', async () => {
  const limiter = limit({ points: 1 })
  await limiter.consume('alice')
  const refusal = limiter.consume('alice')
  await expect(refusal).rejects.toMatchObject({
    code: 'RATE_LIMITED',
    message: expect.stringMatching(/^too much: "submit per session" allows more in \d+ s$/),
    retryAfterMs: expect.any(Number),
  })
  const { retryAfterMs } = (await refusal.catch((error: unknown) => error)) as MailxError
  expect(retryAfterMs).toBeGreaterThan(50_000)
  expect(retryAfterMs).toBeLessThanOrEqual(60_000)
})

test('the bucket fills again', async () => {
  const limiter = limit({ points: 1, durationMs: 1_000 })
  await limiter.consume('alice')
  await expect(limiter.consume('alice')).rejects.toMatchObject({ code: 'RATE_LIMITED' })
  await eventually(async () => {
    await limiter.consume('alice')
  })
})

test('a batch takes as many points as it has parts, and one that can never pass is told so', async () => {
  const limiter = limit()
  await limiter.consume('alice', 8)
  await expect(limiter.consume('alice', 8)).rejects.toThrow('allows more in')
  await expect(limiter.consume('bob', 11)).rejects.toThrow('more at once than')
})

test('Redis never sees who is limited', async () => {
  await limit().consume('alice@a.test')
  expect((await redis.keys('*')).join()).not.toContain('alice')
})

test('a Redis that dies leaves a smaller bucket in each process, and a live one takes over again', async () => {
  const limiter = limit()
  await limiter.consume('alice')
  await server.kill()
  expect(await allowed(limiter, 'alice', 12)).toBe(5)
  await server.restart()
  await eventually(() => redis.status === 'ready')
  await eventually(async () => (await allowed(limiter, `${Math.random()}`, 12)) === 10, {
    everyMs: 100,
  })
})

test('a Redis that stalls does not hold anybody up for long', async () => {
  const limiter = limit({ points: 100 })
  await limiter.consume('alice')
  proxy.set('hold')
  const startedAt = performance.now()
  expect(await allowed(limiter, 'alice', 60)).toBe(50)
  // Waiting for Redis each of the sixty times would take over six seconds.
  expect(performance.now() - startedAt).toBeLessThan(3_000)
})

test('a limit that must not fail open refuses while Redis is gone', async () => {
  const limiter = limit({ onRedisDown: 'refuse' })
  await limiter.consume('alice')
  redis.disconnect()
  await expect(limiter.consume('alice')).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    retryAfterMs: 1_000,
  })
})

test('a duration Redis cannot count is refused at start', () => {
  expect(() => limit({ durationMs: 500 })).toThrow('must last whole seconds')
})

test('losing Redis and having it back is one line each', async () => {
  const lines: Array<{ level: string }> = []
  const destination = { write: (line: string) => void lines.push(JSON.parse(line)) }
  const logger = createLogger({ service: 'gateway', destination })
  const watched = await connectRedis({ url: proxy.through(server.url), logger })
  proxy.set('refuse')
  proxy.cut()
  await eventually(() => lines.length === 1 && watched.status === 'reconnecting')
  proxy.set('forward')
  await eventually(() => lines.length === 2)
  expect(lines).toMatchObject([
    { level: 'warn', msg: expect.stringContaining('REDIS_URL') },
    { level: 'info', msg: 'Redis is back' },
  ])
  watched.disconnect()
})
