import { unary } from '@mailx/grpc/unary'
import type {
  ListMessagesRequest,
  ListMessagesResponse,
  MailboxEntry,
} from '@mailx/proto/storage/v1/storage_service'
import { type Change, changePage } from '../deciders/change-page.ts'
import { type Cursor, decodeCursor, encodeCursor } from '../deciders/cursor.ts'
import { checkLimit, checkMailbox } from './check-request.ts'
import { query } from './query.ts'
import type { StorageDeps } from './storage-deps.ts'

// Every branch walks an index from the cursor on, `limit` steps at most: the cost does not depend on
// how much the mailbox holds ("offset 0" keeps the planner from joining with all of it instead). A new entry that was changed since is told by its change alone.
const newEntries = (table: string, partitions: string, positions: string) => `
  select c.partition, e.position, e.received_at as changed_at,
         e.message_id, e.sender, e.created_at, e.received_at, e.size,
         coalesce(ch.flags, '{}') as flags, coalesce(ch.deleted, false) as deleted,
         coalesce(ch.position > $7, false) as later
    from unnest(${partitions}::text[], ${positions}::int8[]) as c(partition, position)
    cross join lateral (
      select * from ${table} e
        where e.mailbox = $1 and e.partition = c.partition and e.position > c.position
        order by e.position limit $8) e
    left join storage.entry_changes ch on ch.mailbox = $1 and ch.message_id = e.message_id`

export const changesAfter = {
  name: 'storage.changes-after',
  text: `
  ${newEntries('storage.entries_submitted', '$2', '$3')}
  union all
  ${newEntries('storage.entries_received', '$4', '$5')}
  union all
  select ch.partition, ch.position, ch.changed_at,
         ch.message_id, e.sender, e.created_at, e.received_at, e.size,
         ch.flags, ch.deleted, false
    from (
      select * from storage.entry_changes
        where mailbox = $1 and partition = $6 and position > $7
        order by position limit $8) ch
    left join lateral (
      select * from storage.entries e
        where e.mailbox = $1 and e.message_id = ch.message_id offset 0) e on true`,
}

type Row = {
  partition: string
  position: string
  changed_at: string
  message_id: Uint8Array
  sender: string | null
  created_at: string
  received_at: string
  size: number
  flags: string[]
  deleted: boolean
  later: boolean
}

/** Entries changed after the cursor, oldest change first. */
export const listMessages = ({ sql, log }: Pick<StorageDeps, 'sql' | 'log'>) =>
  unary<ListMessagesRequest, ListMessagesResponse>(async (request) => {
    const mailbox = checkMailbox(request.mailbox)
    const limit = checkLimit(request.limit)
    const cursor = decodeCursor(request.cursor)
    const own = log.partitionOf('mailbox', mailbox)
    const rows = await query<Row>(sql, changesAfter, [
      mailbox,
      ...places(log.partitionsOf('submission'), cursor),
      ...places([log.partitionOf('reception', mailbox)], cursor),
      own,
      place(cursor, own),
      limit + 1,
    ])
    const page = changePage(rows.map(toChange), { cursor, limit })
    return { entries: page.entries, cursor: encodeCursor(page.cursor), more: page.more }
  })

const place = (cursor: Cursor, partition: string): string =>
  (cursor.get(partition) ?? 0n).toString()

const places = (partitions: readonly string[], cursor: Cursor) => [
  partitions,
  partitions.map((partition) => place(cursor, partition)),
]

const toChange = (row: Row): Change => ({
  partition: row.partition,
  position: BigInt(row.position),
  changedAt: Number(row.changed_at),
  outcome: outcomeOf(row),
})

function outcomeOf(row: Row): Change['outcome'] {
  if (row.later) return { status: 'later' }
  if (row.sender === null) return { status: 'unknown' }
  return { status: 'told', entry: toEntry({ ...row, sender: row.sender }) }
}

export const toEntry = (row: Omit<Row, 'sender'> & { readonly sender: string }): MailboxEntry => ({
  messageId: row.message_id,
  sender: row.sender,
  createdAtUnixMs: BigInt(row.created_at),
  receivedAtUnixMs: BigInt(row.received_at),
  size: row.size,
  flags: row.flags,
  deleted: row.deleted,
})
