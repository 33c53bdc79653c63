import { connectRedis } from '@mailx/cache/connect'

/** Empties all databases of the server; resolves with how many keys they held. */
export async function flushRedis(url: string): Promise<number> {
  const redis = await connectRedis({ url, timeoutMs: 10_000 })
  try {
    const held = [...(await redis.info('keyspace')).matchAll(/keys=(\d+)/g)]
    await redis.flushall()
    return held.reduce((sum, [, keys]) => sum + Number(keys), 0)
  } finally {
    redis.disconnect()
  }
}
