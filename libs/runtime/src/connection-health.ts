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
}

const LOOK_EVERY_MS = 1_000
const ANSWER_WITHIN_MS = 2_000

/** Looks after the connections in the background, so that a readiness probe costs nothing. */
export function watchConnections({ pool, nats, redis }: Watched): HealthWatch {
  let postgresFault: string | undefined
  let natsFault: string | undefined
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  const look = async () => {
    const [fromPostgres, fromNats] = await Promise.all([
      faultOf(async () => pool.query('select 1')),
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

const checkOf = (name: string, fault: string | undefined): Check =>
  fault === undefined ? { name, ok: true } : { name, ok: false, detail: fault }

async function faultOf(ask: () => Promise<unknown>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(() => resolve(`no answer within ${ANSWER_WITHIN_MS} ms`), ANSWER_WITHIN_MS)
  })
  const answered = ask().then(
    () => undefined,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
  const fault = await Promise.race([answered, late])
  clearTimeout(timer)
  return fault
}
