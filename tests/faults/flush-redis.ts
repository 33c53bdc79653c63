import { connectRedis } from '@mailx/cache/connect'

/** Empties all databases of the server. */
export async function flushRedis(url: string): Promise<void> {
  const redis = await connectRedis({ url, timeoutMs: 10_000 })
  try {
    await redis.flushall()
  } finally {
    redis.disconnect()
  }
}
