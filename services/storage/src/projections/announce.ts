import type { Recorded } from '@mailx/events/event'
import type { MailboxChange } from '@mailx/proto/storage/v1/storage_service'

/** Tells open streams what committed events changed. Events that are no news are passed over. */
export type AnnounceEvents = <Event extends Recorded>(
  events: readonly Event[],
  changesOf: (event: Event) => readonly MailboxChange[],
  options?: {
    /** They may have been announced before. */
    readonly again?: boolean
  },
) => void

/** What a projection does with events that it has applied, and with those that others have. */
export const announcing = <Event extends Recorded>(
  announce: AnnounceEvents,
  changesOf: (event: Event) => readonly MailboxChange[],
) => ({
  afterCommit: (events: readonly Event[]) => announce(events, changesOf),
  resumed: (events: readonly Event[]) => announce(events, changesOf, { again: true }),
})
