import { counter } from '@mailx/telemetry/metrics'
import type { Redis } from 'ioredis'

/** After a failure Redis is left alone for this long, so that a slow server costs one wait, not many. */
const REST_MS = 1_000

const restingUntil = new WeakMap<Redis, number>()

const failures = counter({
  name: 'mailx_redis_failures_total',
  help: 'Commands that failed or took too long, after which Redis is left alone for a second.',
})

export type Attempt<Value> =
  | { readonly status: 'answered'; readonly value: Value }
  | { readonly status: 'down' }

/** Asks Redis. Never rejects: without a connection, an answer in time or a sane server it is down. */
export async function askRedis<Value>(
  redis: Redis,
  ask: (redis: Redis) => Promise<Value>,
): Promise<Attempt<Value>> {
  if (redis.status !== 'ready' || (restingUntil.get(redis) ?? 0) > performance.now()) {
    return { status: 'down' }
  }
  try {
    return { status: 'answered', value: await ask(redis) }
  } catch {
    // Why does not matter to the caller, who goes on without; the counter and the connection's log
    // lines tell the operator.
    failures.inc()
    restingUntil.set(redis, performance.now() + REST_MS)
    return { status: 'down' }
  }
}
