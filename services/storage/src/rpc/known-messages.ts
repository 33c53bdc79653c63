import { byteaArray } from '@mailx/event-log/binary-array'
import type { Sql } from '@mailx/event-log/sql'
import type { KnownMessage } from '../deciders/mailbox.ts'
import { query } from './query.ts'

// One snapshot: the version is the one that the flags and deletions were read at.
const knownMessages = {
  name: 'storage.known-messages',
  text: `
  select coalesce(m.version, 0) as version, e.message_id, e.size, e.entries,
         coalesce(ch.flags, '{}') as flags, coalesce(ch.deleted, false) as deleted
    from (select $1::text as mailbox) box
    left join storage.mailboxes m on m.mailbox = box.mailbox
    left join (
      select message_id, sum(size) as size, count(*)::int as entries
        from storage.entries
        where mailbox = $1 and message_id = any($2::bytea[])
        group by message_id) e on true
    left join storage.entry_changes ch on ch.mailbox = $1 and ch.message_id = e.message_id`,
}

type Row = {
  version: number
  message_id: Uint8Array | null
  size: string
  entries: number
  flags: string[]
  deleted: boolean
}

/** What is known of messages, and the version of the mailbox's stream that this knowledge has. */
export async function readKnownMessages(
  sql: Sql,
  mailbox: string,
  messageIds: readonly Uint8Array[],
): Promise<{ version: number; known: KnownMessage[] }> {
  const rows = await query<Row>(sql, knownMessages, [mailbox, byteaArray(messageIds)])
  const known = rows.flatMap(({ message_id, size, entries, flags, deleted }) =>
    message_id === null
      ? []
      : [{ messageId: message_id, size: Number(size), entries, flags, deleted }],
  )
  return { version: rows[0]?.version ?? 0, known }
}
