import type { Sql } from '@mailx/event-log/sql'
import type { DueDelivery, LaneName } from '../deciders/due-delivery.ts'
import type { RemoteDelivery } from '../projections/due-deliveries.ts'

/** How far a lane has been read in one partition. */
export type Cursor = { readonly position: bigint; readonly ordinal: number }

const HASH_BYTES = 32

const columns = `d.position, d.ordinal, d.message_id, d.sender, d.recipient, d.accepted_at,
  d.created_at, d.expires_at, d.content_hash, d.content_size, d.envelope_hash, d.envelope_size,
  d.attachments, d.traceparent, o.told, o.delayed, o.version`

const due = `from outbound.deliveries d
  left join outbound.outcomes o using (message_id, sender, recipient)
  where d.origin = $1 and d.peer = $2 and d.partition = $3
    and (d.position, d.ordinal) > ($4::bigint, $5::int) and o.final is null`

const page = `select ${columns} ${due} order by d.position, d.ordinal limit $6`

const untold = `select ${columns} ${due}
  and position(' ' || $7 || ' ' in coalesce(o.told, '') || ' ') = 0
  order by d.position, d.ordinal limit $6`

const overdue = `select ${columns} ${due}
  and (coalesce(nullif(d.expires_at, 0), d.accepted_at + $8::bigint) <= $7::bigint
    or (d.accepted_at <= $9::bigint and not coalesce(o.delayed, false)))
  order by d.position, d.ordinal limit $6`

type Row = {
  position: string
  ordinal: number
  message_id: Uint8Array
  sender: string
  recipient: string
  accepted_at: string
  created_at: string
  expires_at: string
  content_hash: Uint8Array
  content_size: number
  envelope_hash: Uint8Array
  envelope_size: number
  attachments: Uint8Array
  traceparent: string
  told: string | null
  delayed: boolean | null
  version: number | null
}

export type PageRequest = {
  readonly lane: LaneName
  readonly partition: string
  readonly after: Cursor
  readonly limit: number
  /** Deliveries without an expiry of their own live this long. */
  readonly bounceAfterMs: number
}

/** Deliveries without a final outcome after the cursor, in order. Fewer than `limit`: the end. */
export const readDue = (sql: Sql, request: PageRequest): Promise<DueDelivery[]> =>
  read(sql, page, request, [])

/** As `readDue`, but only those whose sender was not told this code. */
export const readUntold = (sql: Sql, request: PageRequest, code: string): Promise<DueDelivery[]> =>
  read(sql, untold, request, [code])

/** As `readDue`, but only those whose time is over, or whose sender is to be told of the delay. */
export const readOverdue = (
  sql: Sql,
  request: PageRequest,
  { delayNoticeMs, now }: { readonly now: number; readonly delayNoticeMs: number },
): Promise<DueDelivery[]> =>
  read(sql, overdue, request, [now, request.bounceAfterMs, now - delayNoticeMs])

async function read(
  sql: Sql,
  text: string,
  { after, bounceAfterMs, lane, limit, partition }: PageRequest,
  more: readonly unknown[],
): Promise<DueDelivery[]> {
  const { ordinal, position } = after
  const { rows } = await sql.query<Row>(text, [
    lane.origin,
    lane.peer,
    partition,
    position.toString(),
    ordinal,
    limit,
    ...more,
  ])
  return rows.map((row) => fromRow(row, lane, partition, bounceAfterMs))
}

function fromRow(
  row: Row,
  { origin, peer }: LaneName,
  partition: string,
  bounceAfterMs: number,
): DueDelivery {
  const acceptedAt = Number(row.accepted_at)
  const told = (row.told ?? '').split(' ').filter((code) => code !== '')
  return {
    origin,
    peer,
    partition,
    position: BigInt(row.position),
    ordinal: row.ordinal,
    messageId: row.message_id,
    sender: row.sender,
    recipient: row.recipient,
    acceptedAt,
    createdAt: Number(row.created_at),
    expiresAt: Number(row.expires_at) || acceptedAt + bounceAfterMs,
    contentHash: row.content_hash,
    contentSize: row.content_size,
    envelopeHash: row.envelope_hash,
    envelopeSize: row.envelope_size,
    attachments: hashesIn(row.attachments),
    traceparent: row.traceparent,
    state: { status: 'due', told, delayed: row.delayed ?? false },
    version: row.version ?? 0,
    attempts: 0,
    lastFault: undefined,
  }
}

/** A delivery that was projected a moment ago: nothing can be recorded of it yet. */
export function fromProjected(
  { data, event, ordinal, origin, peer, recipient }: RemoteDelivery,
  bounceAfterMs: number,
): DueDelivery {
  return {
    origin,
    peer,
    partition: event.partition,
    position: event.position,
    ordinal,
    messageId: data.messageId,
    sender: data.sender,
    recipient: recipient.address,
    acceptedAt: event.recordedAt,
    createdAt: Number(data.createdAtUnixMs),
    expiresAt: Number(data.expiresAtUnixMs) || event.recordedAt + bounceAfterMs,
    contentHash: data.contentHash,
    contentSize: data.contentSize,
    envelopeHash: recipient.envelopeHash,
    envelopeSize: recipient.envelopeSize,
    attachments: data.attachments.map(({ hash }) => hash),
    traceparent: event.metadata.traceparent,
    state: { status: 'due', told: [], delayed: false },
    version: 0,
    attempts: 0,
    lastFault: undefined,
  }
}

const hashesIn = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: bytes.length / HASH_BYTES }, (_, index) =>
    bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES),
  )
