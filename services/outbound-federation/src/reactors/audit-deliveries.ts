import type { Sql } from '@mailx/event-log/sql'
import { type Repetition, repeatedly } from '@mailx/messaging/repeatedly'
import { gauge } from '@mailx/telemetry/metrics'

const overdue = gauge({
  name: 'mailx_overdue_deliveries',
  help: 'Accepted recipients elsewhere without a final state an hour after their time was over. Should be 0.',
})

/** Whatever an owner of a lane has still to do at the end of a delivery's time is done by then. */
const GRACE_MS = 60 * 60 * 1000
const LOOK_EVERY_MS = 30_000
const PAGE = 5_000

const START = ['', '', '', 0, 0] as const

const page = {
  name: 'outbound.audit',
  text: `
  select d.origin, d.peer, d.partition, d.position, d.ordinal,
         o.final is null and coalesce(nullif(d.expires_at, 0), d.accepted_at + $7::bigint) < $8::bigint
           as overdue
    from (select * from outbound.deliveries
            where (origin, peer, partition, position, ordinal) > ($1, $2, $3, $4::bigint, $5::int)
            order by origin, peer, partition, position, ordinal limit $6) d
    left join outbound.outcomes o using (message_id, sender, recipient)
    order by 1, 2, 3, 4, 5`,
}

type Row = {
  readonly origin: string
  readonly peer: string
  readonly partition: string
  readonly position: string
  readonly ordinal: number
  readonly overdue: boolean
}

type Options = {
  readonly sql: Sql
  readonly now: () => number
  readonly bounceAfterMs: number
  readonly everyMs?: number
  readonly onFailure: (error: unknown) => void
}

/**
 * Goes round all deliveries, a page at a time, and counts what should have been decided long ago. It
 * believes neither lanes nor their floors: what they lost is what it looks for.
 */
export function auditDeliveries(options: Options): Repetition {
  const { bounceAfterMs, everyMs = LOOK_EVERY_MS, now, onFailure, sql } = options
  let after: readonly (string | number)[] = START
  let found = 0
  let lastRound = 0
  const look = async () => {
    const values = [...after, PAGE, bounceAfterMs, now() - GRACE_MS]
    const { rows } = await sql.query<Row>({ ...page, values })
    found += rows.filter((row) => row.overdue).length
    const last = rows.at(-1)
    if (last !== undefined && rows.length === PAGE) {
      after = [last.origin, last.peer, last.partition, last.position, last.ordinal]
    } else {
      after = START
      lastRound = found
      found = 0
    }
    overdue.set(Math.max(found, lastRound))
  }
  return repeatedly(everyMs, look, onFailure)
}
