import { tlsTrouble } from '@mailx/errors/tls-trouble'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Redis } from 'ioredis'
import type pg from 'pg'
import type { Check } from './readiness.ts'

export type HealthWatch = {
  /** As of the last look, at most a second or so ago. */
  readonly checks: () => readonly Check[]
  readonly stop: () => void
}

export type Watched = {
  readonly pool: Pick<pg.Pool, 'query'>
  readonly nats: Pick<NatsConnection, 'flush' | 'isClosed'>
  readonly redis: Pick<Redis, 'status'>
  /** This machine's clock. */
  readonly now?: () => number
}

const LOOK_EVERY_MS = 1_000
const ANSWER_WITHIN_MS = 2_000
/** What is signed or accepted by a clock that is off by more is refused elsewhere. */
const CLOCK_OFF_MS = 30_000

const clock = {
  name: 'runtime.clock',
  text: 'select extract(epoch from clock_timestamp()) * 1000 as now',
}

/** Looks after the connections in the background, so that a readiness probe costs nothing. */
export function watchConnections({ nats, now = Date.now, pool, redis }: Watched): HealthWatch {
  let postgresFault: string | undefined
  let natsFault: string | undefined
  let clockFault: string | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  const look = async () => {
    const [fromPostgres, fromNats] = await Promise.all([
      faultOf(async () => {
        const { rows } = await pool.query<{ now: string }>(clock)
        clockFault = clockFaultOf(now() - Number(rows[0]?.now))
      }),
      nats.isClosed() ? 'the connection is closed' : faultOf(async () => nats.flush()),
    ])
    postgresFault = fromPostgres
    natsFault = fromNats
    // `faultOf` never rejects, so a look cannot.
    if (!stopped) timer = setTimeout(() => void look(), LOOK_EVERY_MS)
  }
  timer = setTimeout(() => void look(), LOOK_EVERY_MS)

  return {
    checks: () => [
      checkOf('postgres', postgresFault),
      checkOf('nats', natsFault),
      checkOf('clock', clockFault),
      {
        ...checkOf('redis', redis.status === 'ready' ? undefined : `it is ${redis.status}`),
        optional: true,
      },
    ],
    stop: () => {
      stopped = true
      clearTimeout(timer)
    },
  }
}

function clockFaultOf(aheadMs: number): string | undefined {
  if (Math.abs(aheadMs) < CLOCK_OFF_MS) return undefined
  const seconds = Math.round(Math.abs(aheadMs) / 1000)
  const where = aheadMs > 0 ? 'ahead of' : 'behind'
  return `this machine's clock is ${seconds} s ${where} that of Postgres: set both by NTP`
}

const checkOf = (name: string, fault: string | undefined): Check =>
  fault === undefined ? { name, ok: true } : { name, ok: false, detail: fault }

async function faultOf(ask: () => Promise<unknown>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${ANSWER_WITHIN_MS} ms`), ANSWER_WITHIN_MS)
  })
  const answered = ask().then(
    () => undefined,
    (error: unknown) =>
      tlsTrouble(error, 'DATABASE') ?? (error instanceof Error ? error.message : String(error)),
  )
  const fault = await Promise.race([answered, late])
  clearTimeout(timer)
  return fault
}
