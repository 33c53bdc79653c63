import { Redis } from 'ioredis'
import { takeNumber, testServers } from './test-servers.ts'

export type TestRedis = {
  readonly url: string
  drop(): Promise<void>
}

/**
 * An empty numbered database of the run's Redis. A test that stops or breaks its server uses
 * `startRedis({ own: true })` of the backends.
 */
export async function testRedis(): Promise<TestRedis> {
  const { redisUrl, counters } = testServers()
  const database = takeNumber(counters, 'redis') % (await countDatabases(redisUrl))
  const url = new URL(redisUrl)
  url.pathname = `/${database}`
  const empty = () => withRedis(url.href, (redis) => redis.flushdb())
  await empty()
  return {
    url: url.href,
    async drop() {
      await empty()
    },
  }
}

const countDatabases = (url: string) =>
  withRedis(url, async (redis) => {
    const [, count] = (await redis.config('GET', 'databases')) as string[]
    return Number(count)
  })

async function withRedis<T>(url: string, work: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 1 })
  await redis.connect()
  try {
    return await work(redis)
  } finally {
    redis.disconnect()
  }
}
