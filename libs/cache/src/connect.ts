import type { SecureContext } from 'node:tls'
import { MailxError } from '@mailx/errors/mailx-error'
import { tlsTrouble } from '@mailx/errors/tls-trouble'
import type { Logger } from '@mailx/telemetry/logger'
import { Redis } from 'ioredis'

export type RedisOptions = {
  /**
   * By TLS when it is rediss://. A function is asked for each connection: its host, user and password
   * may change.
   */
  readonly url: string | (() => string)
  /** What TLS is made with, asked for each connection. Left out: what Node knows. */
  readonly tls?: () => SecureContext
  readonly logger?: Logger
  /** A command without an answer after this long counts as failed. */
  readonly timeoutMs?: number
  /** How long to wait for the first connection before going on without it. */
  readonly waitMs?: number
}

/**
 * A client for caches: a command fails at once while there is no connection, and soon when the server
 * is slow; nothing is queued or sent twice. It reconnects by itself. Resolves when connected, or after
 * `waitMs` without: Redis may be missing at start. INVALID_ARGUMENT when there are files for TLS and
 * the URL is not rediss://, UNAVAILABLE when these are no good.
 */
export async function connectRedis({
  url,
  tls,
  logger,
  timeoutMs = 100,
  waitMs = 1_000,
}: RedisOptions): Promise<Redis> {
  const newest = typeof url === 'string' ? () => url : url
  const byTls = new URL(newest()).protocol === 'rediss:'
  if (tls !== undefined && !byTls) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      'REDIS_URL is not by TLS, and files for TLS are named: write rediss:// or take those away',
    )
  }
  tls?.()
  const redis = new Redis(newest(), {
    lazyConnect: true,
    maxRetriesPerRequest: 1,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    commandTimeout: timeoutMs,
    connectTimeout: 2_000,
    retryStrategy: (tries) => Math.min(100 * tries, 2_000),
    disableClientInfo: true,
    ...(byTls && { tls: verified(tls) }),
  })
  Object.defineProperties(redis.options, accessBy(newest))
  reportConnection(redis, logger)
  // Its failure is told as an event, and it tries again.
  redis.connect().catch(() => {})
  await firstConnection(redis, waitMs)
  return redis
}

/** What ioredis reads when it makes a connection. */
const verified = (tls: (() => SecureContext) | undefined) => ({
  rejectUnauthorized: true,
  get secureContext() {
    return tls?.()
  },
})

const accessBy = (newest: () => string): PropertyDescriptorMap => {
  const property = (read: (url: URL) => unknown) => ({
    enumerable: true,
    get: () => read(new URL(newest())),
  })
  return {
    host: property(({ hostname }) => hostname.replace(/^\[|\]$/g, '')),
    port: property(({ port }) => Number(port || 6379)),
    username: property(({ username }) => decodeURIComponent(username)),
    password: property(
      ({ password, searchParams }) =>
        decodeURIComponent(password) || (searchParams.get('password') ?? undefined),
    ),
  }
}

/** One line when Redis is lost and one when it is back, however many attempts lie between. */
function reportConnection(redis: Redis, logger: Logger | undefined): void {
  let up = true
  redis.on('error', (error: Error) => {
    const why = tlsTrouble(error, 'REDIS')
    const what = why === undefined ? 'cannot be reached' : `is not there by TLS: ${why}`
    if (up) logger?.warn({ err: error }, `Redis ${what}; going on without it (REDIS_URL)`)
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
