import { rateLimiter } from '@mailx/cache/rate-limit'
import type { Redis } from 'ioredis'
import type { GatewayConfig } from '../config.ts'
import type { Session } from '../deciders/session.ts'
import { leasedLimiter } from './leased-limiter.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** A lease is this part of a limit. */
const LEASES = 100

/** What callers may ask for. Every function rejects with RATE_LIMITED and when to try again. */
export type Limits = {
  /** A call without a session. */
  readonly stranger: (call: { getPeer(): string }) => Promise<void>
  /** Any call of a session but a submission. */
  readonly call: (session: Session) => Promise<void>
  /** Messages, and the copies that they make. */
  readonly submit: (session: Session, messages: number, copies: number) => Promise<void>
  readonly upload: (session: Session, bytes: number) => Promise<void>
}

type Deps = {
  readonly redis: Redis
  readonly config: Pick<
    GatewayConfig,
    | 'CALLS_PER_MINUTE_PER_IP'
    | 'CALLS_PER_MINUTE_PER_SESSION'
    | 'MESSAGES_PER_MINUTE_PER_SESSION'
    | 'COPIES_PER_HOUR_PER_ADDRESS'
    | 'UPLOAD_MIB_PER_HOUR_PER_ADDRESS'
  >
  readonly now: () => number
}

const idOf = ({ sessionId }: Session) => Buffer.from(sessionId).toString('latin1')

/** While Redis is gone every limit is counted by the process alone, at half the points. */
export function limits({ redis, config, now }: Deps): Limits {
  const leased = (name: string, points: number, durationMs: number) =>
    leasedLimiter({
      limiter: rateLimiter({ redis, name, points, durationMs, onRedisDown: 'local-bucket' }),
      lease: Math.floor(points / LEASES),
      durationMs,
      now,
    })
  const strangers = leased('calls per IP', config.CALLS_PER_MINUTE_PER_IP, MINUTE_MS)
  const calls = leased('calls per session', config.CALLS_PER_MINUTE_PER_SESSION, MINUTE_MS)
  const messages = leased('messages per session', config.MESSAGES_PER_MINUTE_PER_SESSION, MINUTE_MS)
  const copies = leased('copies per address', config.COPIES_PER_HOUR_PER_ADDRESS, HOUR_MS)
  const uploads = leased('upload per address', config.UPLOAD_MIB_PER_HOUR_PER_ADDRESS, HOUR_MS)
  return {
    stranger: (call) => strangers.consume(networkOf(call.getPeer())),
    call: (session) => calls.consume(idOf(session)),
    async submit(session, messageCount, copyCount) {
      await messages.consume(idOf(session), messageCount)
      await copies.consume(session.address, copyCount)
    },
    upload: (session, bytes) =>
      uploads.consume(session.address, Math.max(1, Math.ceil(bytes / (1024 * 1024)))),
  }
}

/** The address without its port. Of IPv6 the /64, which is what one subscriber has. */
export function networkOf(peer: string): string {
  const address = peer.replace(/:\d+$/, '')
  if (!address.includes(':')) return address
  const v4 = /(?:\d+\.){3}\d+$/.exec(address)?.[0]
  if (v4 !== undefined) return v4
  const [head = '', tail = ''] = address.split('::')
  const groups = head.split(':').filter(Boolean)
  const rest = tail.split(':').filter(Boolean)
  const zeros = address.includes('::') ? 8 - groups.length - rest.length : 0
  return [...groups, ...Array.from({ length: zeros }, () => '0'), ...rest].slice(0, 4).join(':')
}
