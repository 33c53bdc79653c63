import { mailboxEvents } from '@mailx/events/mailbox'
import type { Follower } from '@mailx/processors/follower'

export type FullMailboxes = {
  readonly follower: Follower<typeof mailboxEvents>
  has(address: string): boolean
}

/** The mailboxes that are over their quota, in memory. */
export function fullMailboxes(): FullMailboxes {
  const full = new Set<string>()
  return {
    has: (address) => full.has(address),
    follower: {
      name: 'inbound.full-mailboxes',
      contexts: ['mailbox'],
      events: mailboxEvents,
      handles: ['MailboxFilled', 'MailboxFreed'],
      apply: (events) => {
        for (const { data, type } of events) {
          if (type === 'MailboxFilled') full.add(data.mailbox)
          if (type === 'MailboxFreed') full.delete(data.mailbox)
        }
      },
    },
  }
}
