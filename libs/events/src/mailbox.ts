import {
  FlagsChanged,
  MailboxFilled,
  MailboxFreed,
  MessagesDeleted,
} from '@mailx/proto/mailbox/v1/events'
import type { EventOf } from './event.ts'

/** The context `mailbox`, in the order events were added. Never remove a line. */
export const mailboxEvents = { FlagsChanged, MessagesDeleted, MailboxFilled, MailboxFreed }

export type MailboxEvent = EventOf<typeof mailboxEvents>
