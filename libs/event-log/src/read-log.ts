import type { Head, ReadRequest, StoredEvent } from './event-log.ts'
import type { Sql } from './sql.ts'

type EventRow = Omit<StoredEvent, 'position' | 'recordedAt'> & {
  position: string
  recorded_at: string
}

const columns = 'position, stream, version, type, data, metadata, recorded_at, hash'

const after = `select ${columns} from log.events
  where partition = $1 and position > $2 order by position limit $3`

const ofStream = `select ${columns} from log.events
  where partition = $1 and stream = $2 order by version`

const heads = `select name, context, head, head_hash, published from log.partitions
  where $1::text is null or context = $1 order by name`

export async function readEvents(sql: Sql, request: ReadRequest): Promise<StoredEvent[]> {
  const { partition, after: position, limit } = request
  const values = [partition, position.toString(), limit]
  const { rows } = await sql.query<EventRow>({ name: 'log.after', text: after, values })
  return rows.map(toEvent)
}

export async function readStream(
  sql: Sql,
  partition: string,
  stream: string,
): Promise<StoredEvent[]> {
  const values = [partition, stream]
  const { rows } = await sql.query<EventRow>({ name: 'log.stream', text: ofStream, values })
  return rows.map(toEvent)
}

type HeadRow = {
  name: string
  context: string
  head: string
  head_hash: Uint8Array
  published: string
}

export async function readHeads(sql: Sql, context?: string): Promise<Head[]> {
  const values = [context ?? null]
  const { rows } = await sql.query<HeadRow>({ name: 'log.heads', text: heads, values })
  return rows.map((row) => ({
    context: row.context,
    partition: row.name,
    position: BigInt(row.head),
    hash: row.head_hash,
    published: BigInt(row.published),
  }))
}

const toEvent = ({ position, recorded_at, ...rest }: EventRow): StoredEvent => ({
  ...rest,
  position: BigInt(position),
  recordedAt: Number(recorded_at),
})
