import { byteaArray } from '@mailx/event-log/binary-array'
import type { Sql } from '@mailx/event-log/sql'
import type { Recorded } from '@mailx/events/event'
import { type MailboxEvent, mailboxEvents } from '@mailx/events/mailbox'
import type { Projection } from '@mailx/processors/projection'

const changeFlags = `
  insert into storage.entry_changes as c
    (mailbox, message_id, flags, deleted, partition, position, changed_at)
    select $1, message_id,
           array(select f from unnest($3::text[]) f
                   where f <> all($4::text[]) group by f order by f collate "C"),
           false, $5, $6, $7
      from (select distinct unnest($2::bytea[]) as message_id) n order by message_id
    on conflict (mailbox, message_id) do update
      set flags = array(select f from unnest(c.flags || $3::text[]) f
                          where f <> all($4::text[]) group by f order by f collate "C"),
          partition = excluded.partition, position = excluded.position,
          changed_at = excluded.changed_at
      where c.position < excluded.position`

const deleteEntries = `
  insert into storage.entry_changes as c
    (mailbox, message_id, flags, deleted, partition, position, changed_at)
    select $1, message_id, '{}', true, $3, $4, $5
      from (select distinct unnest($2::bytea[]) as message_id) n order by message_id
    on conflict (mailbox, message_id) do update
      set deleted = true, flags = '{}',
          partition = excluded.partition, position = excluded.position,
          changed_at = excluded.changed_at
      where c.position < excluded.position`

const moveMailbox = `
  insert into storage.mailboxes as m (mailbox, version, freed_bytes, freed_messages, is_full)
    values ($1, $2, $3, $4, coalesce($5, false))
    on conflict (mailbox) do update
      set version = excluded.version,
          freed_bytes = m.freed_bytes + excluded.freed_bytes,
          freed_messages = m.freed_messages + excluded.freed_messages,
          is_full = coalesce($5, m.is_full)
      where m.version < excluded.version`

/** What the owners did with their entries, and whether a mailbox is full. */
export const changesProjection = (
  announce: (events: readonly Recorded<MailboxEvent>[]) => void,
): Projection<typeof mailboxEvents> => ({
  name: 'storage.changes',
  contexts: ['mailbox'],
  events: mailboxEvents,
  tables: ['storage.entry_changes', 'storage.mailboxes'],
  async apply(sql, events) {
    for (const event of events) await applyOne(sql, event)
  },
  afterCommit: announce,
  resumed: announce,
})

async function applyOne(sql: Sql, event: Recorded<MailboxEvent>): Promise<void> {
  const { partition, position, recordedAt, version } = event
  const place = [partition, position.toString(), recordedAt]
  switch (event.type) {
    case 'FlagsChanged': {
      const { mailbox, messageIds, add, remove } = event.data
      await sql.query(changeFlags, [mailbox, byteaArray(messageIds), add, remove, ...place])
      await sql.query(moveMailbox, [mailbox, version, 0, 0, null])
      return
    }
    case 'MessagesDeleted': {
      const { mailbox, messageIds, freedBytes, freedMessages } = event.data
      await sql.query(deleteEntries, [mailbox, byteaArray(messageIds), ...place])
      await sql.query(moveMailbox, [mailbox, version, freedBytes.toString(), freedMessages, null])
      return
    }
    case 'MailboxFilled':
      await sql.query(moveMailbox, [event.data.mailbox, version, 0, 0, true])
      return
    case 'MailboxFreed':
      await sql.query(moveMailbox, [event.data.mailbox, version, 0, 0, false])
  }
}
