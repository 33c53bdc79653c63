import { decodeEvent } from '@mailx/events/codec'
import { EventMetadata } from '@mailx/proto/log/v1/batch'
import { Route } from '@mailx/proto/submission/v1/events'
import { eventTables } from './event-tables.ts'
import { type Database, hostedDomains } from './open-database.ts'

/** An event of a message's way, without what names people. */
export type HistoryEvent = {
  /** The first domain of the deployment in whose log it lies. */
  readonly deployment: string
  readonly partition: string
  readonly position: string
  readonly type: string
  /** Milliseconds since 1970. */
  readonly recordedAt: number
  readonly traceparent: string
  /** The other domain, and why, where the event says so. */
  readonly note: string
}

type Row = {
  partition: string
  position: string
  type: string
  data: Uint8Array
  metadata: Uint8Array
  recorded_at: string
}

const columns = 'partition, position, type, data, metadata, recorded_at'

// Streams of one message have its id as their second part. `0` is the character behind `/`.
const ofMessage = `select ${columns} from log.events
  where partition = any($1) and stream >= $2 || '/' and stream < $2 || '0'`

const ofMailbox = `select ${columns} from log.events
  where partition = any($1) and stream = $2 and recorded_at >= $3 and position($4::bytea in data) > 0`

/** All that a deployment's log says of a message, oldest first. `text` is the formatted `id`. */
export async function messageHistory(
  database: Database,
  id: Uint8Array,
  text: string,
): Promise<HistoryEvent[]> {
  const { log, pool } = database
  const rows: Row[] = []
  for (const context of ['submission', 'reception', 'delivery']) {
    const found = await pool.query<Row>(ofMessage, [
      log.partitionsOf(context),
      `${context}/${text}`,
    ])
    rows.push(...found.rows)
  }
  if (rows.length === 0) return []
  const since = rows.reduce((least, row) => Math.min(least, Number(row.recorded_at)), Infinity)
  for (const mailbox of new Set(rows.flatMap(mailboxesOf))) {
    const values = [log.partitionsOf('mailbox'), `mailbox/${mailbox}`, since, Buffer.from(id)]
    rows.push(...(await pool.query<Row>(ofMailbox, values)).rows)
  }
  const [deployment = 'this deployment'] = await hostedDomains(database)
  return rows.map((row) => eventOf(row, deployment)).toSorted((a, b) => a.recordedAt - b.recordedAt)
}

/** Whose mailboxes here hold a copy. */
function mailboxesOf(row: Row): string[] {
  const event = decodeEvent(eventTables, row)
  if (event?.type === 'MessageReceived') return [event.data.recipient]
  if (event?.type !== 'MessageAccepted') return []
  const local = event.data.recipients.filter(({ route }) => route === Route.LOCAL)
  return local.map(({ address }) => address)
}

function eventOf(row: Row, deployment: string): HistoryEvent {
  const { partition, position, type } = row
  return {
    deployment,
    partition,
    position,
    type,
    recordedAt: Number(row.recorded_at),
    traceparent: EventMetadata.decode(row.metadata).traceparent,
    note: noteOf(row),
  }
}

function noteOf(row: Row): string {
  const event = decodeEvent(eventTables, row)
  if (event?.type === 'MessageAccepted') return `for ${event.data.recipients.length}`
  if (event?.type === 'MessageReceived') return `from ${event.data.origin}`
  if (event?.type === 'DeliverySucceeded') return `by ${event.data.peer}`
  if (event?.type === 'DeliveryDeferred' || event?.type === 'DeliveryBounced') {
    return `${event.data.code} of ${event.data.peer}`
  }
  // Keywords are the owner's own words, except for those that mean the same everywhere.
  if (event?.type === 'FlagsChanged') return event.data.add.filter((flag) => flag === 'seen').join()
  return ''
}
