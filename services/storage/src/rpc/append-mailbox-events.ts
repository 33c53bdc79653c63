import type { Appended, EventLog } from '@mailx/event-log/event-log'
import { encodeEvent } from '@mailx/events/codec'
import { type MailboxEvent, mailboxEvents } from '@mailx/events/mailbox'

type MailboxAppend = {
  readonly mailbox: string
  readonly expectedVersion: number | 'any'
  readonly events: readonly MailboxEvent[]
  readonly actor: string
}

/** Appends to the one stream that a mailbox has. */
export const appendMailboxEvents = (log: EventLog, append: MailboxAppend): Promise<Appended> =>
  log.append({
    context: 'mailbox',
    key: append.mailbox,
    stream: `mailbox/${append.mailbox}`,
    expectedVersion: append.expectedVersion,
    events: append.events.map((event) => ({
      ...encodeEvent(mailboxEvents, event),
      metadata: { actor: append.actor },
    })),
  })
