import { mailboxEvents } from '@mailx/events/mailbox'
import type { Projection } from '@mailx/processors/projection'

const keep = `
  insert into gateway.full_mailboxes as f (mailbox, is_full, partition, position)
    values ($1, $2, $3, $4)
    on conflict (mailbox) do update
      set is_full = excluded.is_full, partition = excluded.partition, position = excluded.position
      where f.position < excluded.position`

/** Table gateway.full_mailboxes: who has no room for new mail. */
export const fullMailboxes = (afterCommit: () => void): Projection<typeof mailboxEvents> => ({
  name: 'gateway.full-mailboxes',
  contexts: ['mailbox'],
  events: mailboxEvents,
  handles: ['MailboxFilled', 'MailboxFreed'],
  tables: ['gateway.full_mailboxes'],
  async apply(sql, events) {
    for (const { type, data, partition, position } of events) {
      const values = [data.mailbox, type === 'MailboxFilled', partition, position.toString()]
      await sql.query(keep, values)
    }
  },
  afterCommit,
})
