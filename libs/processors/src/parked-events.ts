import type { StoredEvent } from '@mailx/event-log/event-log'
import type { Sql } from '@mailx/event-log/sql'
import { escapeIdentifier } from 'pg'

/** An event that a processor went past without applying it. */
export type ParkedEvent = {
  readonly processor: string
  readonly partition: string
  readonly position: bigint
  readonly stream: string
  readonly type: string
  readonly reason: string
  readonly tries: number
  readonly parkedAt: number
}

export type ParkedKey = Pick<ParkedEvent, 'processor' | 'partition' | 'position'>

const table = (schema: string): string => `${escapeIdentifier(schema)}.parked_events`

/** Notes that the processor goes on without this event. */
export async function parkEvent(
  sql: Sql,
  schema: string,
  parked: {
    readonly processor: string
    readonly partition: string
    readonly event: StoredEvent
    readonly reason: string
    readonly tries: number
  },
): Promise<void> {
  const { processor, partition, event, reason, tries } = parked
  const { position, stream, type } = event
  await sql.query(
    `insert into ${table(schema)} as p
       (processor, partition, position, stream, type, reason, tries, parked_at)
       values ($1, $2, $3, $4, $5, $6, $7, (extract(epoch from now()) * 1000)::bigint)
     on conflict (processor, partition, position)
       do update set reason = excluded.reason, tries = p.tries + excluded.tries`,
    [processor, partition, position.toString(), stream, type, reason, tries],
  )
}

/** What waits for an operator, in log order. */
export async function listParked(
  sql: Sql,
  schema: string,
  processor?: string,
): Promise<ParkedEvent[]> {
  type Row = Omit<ParkedEvent, 'position' | 'parkedAt'> & { position: string; parked_at: string }
  const { rows } = await sql.query<Row>(
    `select processor, partition, position, stream, type, reason, tries, parked_at
       from ${table(schema)} where $1::text is null or processor = $1
       order by processor, partition, position`,
    [processor ?? null],
  )
  return rows.map(({ position, parked_at, ...rest }) => ({
    ...rest,
    position: BigInt(position),
    parkedAt: Number(parked_at),
  }))
}

/** How many events wait, by processor. */
export async function countParked(sql: Sql, schema: string): Promise<Map<string, number>> {
  const { rows } = await sql.query<{ processor: string; count: string }>(
    `select processor, count(*) from ${table(schema)} group by processor`,
  )
  return new Map(rows.map(({ processor, count }) => [processor, Number(count)]))
}

/** False when it is not parked any more. */
export async function unparkEvent(sql: Sql, schema: string, key: ParkedKey): Promise<boolean> {
  const { rowCount } = await sql.query(
    `delete from ${table(schema)} where processor = $1 and partition = $2 and position = $3`,
    [key.processor, key.partition, key.position.toString()],
  )
  return rowCount === 1
}

/** Forgets all parked events of a processor. */
export async function unparkAll(sql: Sql, schema: string, processor: string): Promise<void> {
  await sql.query(`delete from ${table(schema)} where processor = $1`, [processor])
}

/** Notes that a replay failed again, and why. */
export async function noteFailedReplay(
  sql: Sql,
  schema: string,
  key: ParkedKey,
  reason: string,
): Promise<void> {
  await sql.query(
    `update ${table(schema)} set tries = tries + 1, reason = $4
       where processor = $1 and partition = $2 and position = $3`,
    [key.processor, key.partition, key.position.toString(), reason],
  )
}
