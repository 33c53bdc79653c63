import { connectRedis } from '@mailx/cache/connect'

/** Empties all databases of the server. */
export async function flushRedis(url: string): Promise<void> {
  const redis = await connectRedis({ url })
  try {
    await redis.flushall()
  } finally {
    redis.disconnect()
  }
}
