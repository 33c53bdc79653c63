import { MailxError } from '@mailx/errors/mailx-error'
import { counter } from '@mailx/telemetry/metrics'
import type { Redis } from 'ioredis'
import { RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from 'rate-limiter-flexible'
import { cacheKey } from './cache-key.ts'
import { askRedis } from './guarded.ts'

export type RateLimitOptions = {
  readonly redis: Redis
  /** Names the limit in keys, metrics and messages: 'submit per session'. */
  readonly name: string
  /** How much is allowed in `durationMs`, over all replicas. */
  readonly points: number
  /** Whole seconds, at least one. */
  readonly durationMs: number
  /**
   * What holds while Redis is gone. 'local-bucket' fails half open: each process allows half the points
   * by its own count. 'refuse' fails closed.
   */
  readonly onRedisDown: 'local-bucket' | 'refuse'
}

export type RateLimiter = {
  /**
   * Takes points from the bucket of `id` (an address, a session, a peer; stored hashed). Rejects with
   * RATE_LIMITED and `retryAfterMs` when they are used up; with UNAVAILABLE under 'refuse' when Redis
   * is gone.
   */
  readonly consume: (id: string, points?: number) => Promise<void>
}

const decisions = counter({
  name: 'mailx_rate_limit_decisions_total',
  help: 'What rate limits said, and whether Redis or the process counted.',
  labelNames: ['limit', 'decision', 'counted_by'],
})

export function rateLimiter(options: RateLimitOptions): RateLimiter {
  const { redis, name, points, durationMs, onRedisDown } = options
  if (durationMs < 1_000 || durationMs % 1_000 !== 0) {
    throw new MailxError('INVALID_ARGUMENT', `the rate limit "${name}" must last whole seconds`)
  }
  // A counter that begins at 1 has not grown, as Prometheus sees it.
  for (const decision of ['allowed', 'refused']) {
    decisions.inc({ limit: name, decision, counted_by: 'redis' }, 0)
  }
  const duration = durationMs / 1_000
  const shared = new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: '',
    points,
    duration,
    // A bucket known to be empty is not asked for again.
    inMemoryBlockOnConsumed: points,
  })
  const local = new RateLimiterMemory({ points: Math.ceil(points / 2), duration })

  const consumeLocal = async (key: string, cost: number): Promise<void> => {
    if (onRedisDown === 'refuse') {
      decisions.inc({ limit: name, decision: 'refused', counted_by: 'nobody' })
      throw new MailxError('UNAVAILABLE', `cannot count "${name}" now; try again in a second`, {
        retryAfterMs: 1_000,
      })
    }
    const verdict = await local.consume(key, cost).catch(asVerdict)
    decide(name, verdict, cost > points, 'process')
  }

  const consume = async (id: string, cost = 1): Promise<void> => {
    const key = cacheKey(`limit:${name.replaceAll(' ', '-')}`, id)
    // Running out of points is an answer, not a failure of Redis.
    const attempt = await askRedis(redis, () => shared.consume(key, cost).catch(asVerdict))
    if (attempt.status === 'down') await consumeLocal(key, cost)
    else decide(name, attempt.value, cost > points, 'redis')
  }
  return { consume }
}

type Verdict = { readonly allowed: boolean; readonly retryAfterMs: number } | RateLimiterRes

function asVerdict(refusal: unknown): Verdict {
  if (refusal instanceof RateLimiterRes)
    return { allowed: false, retryAfterMs: refusal.msBeforeNext }
  throw refusal
}

function decide(name: string, verdict: Verdict, never: boolean, counted_by: string): void {
  if (verdict instanceof RateLimiterRes || verdict.allowed) {
    decisions.inc({ limit: name, decision: 'allowed', counted_by })
    return
  }
  decisions.inc({ limit: name, decision: 'refused', counted_by })
  if (never) {
    throw new MailxError('RATE_LIMITED', `more at once than "${name}" ever allows; send less`)
  }
  const retryAfterMs = Math.max(1, Math.ceil(verdict.retryAfterMs))
  throw new MailxError(
    'RATE_LIMITED',
    `too much: "${name}" allows more in ${Math.ceil(retryAfterMs / 1000)} s`,
    { retryAfterMs },
  )
}
