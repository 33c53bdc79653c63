import type { Logger } from '@mailx/telemetry/logger'
import { Redis } from 'ioredis'

export type RedisOptions = {
  readonly url: string
  readonly logger?: Logger
  /** A command without an answer after this long counts as failed. */
  readonly timeoutMs?: number
  /** How long to wait for the first connection before going on without it. */
  readonly waitMs?: number
}

/**
 * A client for caches: a command fails at once while there is no connection, and soon when the server
 * is slow; nothing is queued or sent twice. It reconnects by itself. Resolves when connected, or after
 * `waitMs` without: Redis may be missing at start.
 */
export async function connectRedis({
  url,
  logger,
  timeoutMs = 100,
  waitMs = 1_000,
}: RedisOptions): Promise<Redis> {
  const redis = new Redis(url, {
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    commandTimeout: timeoutMs,
    connectTimeout: 2_000,
    retryStrategy: (tries) => Math.min(100 * tries, 2_000),
    disableClientInfo: true,
  })
  reportConnection(redis, logger)
  await firstConnection(redis, waitMs)
  return redis
}

/** One line when Redis is lost and one when it is back, however many attempts lie between. */
function reportConnection(redis: Redis, logger: Logger | undefined): void {
  let up = true
  redis.on('error', (error: Error) => {
    if (up) logger?.warn({ err: error }, 'Redis cannot be reached; going on without it (REDIS_URL)')
    up = false
  })
  redis.on('ready', () => {
    if (!up) logger?.info('Redis is back')
    up = true
  })
}

async function firstConnection(redis: Redis, waitMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const timer = setTimeout(resolve, waitMs)
  redis.once('ready', resolve)
  await promise
  clearTimeout(timer)
  redis.off('ready', resolve)
}
