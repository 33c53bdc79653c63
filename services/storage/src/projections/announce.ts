import type { Recorded } from '@mailx/events/event'
import type { MailboxChange } from '@mailx/proto/storage/v1/storage_service'

/** Tells open streams what committed events changed. Events that are no news are passed over. */
export type AnnounceEvents = <Event extends Recorded>(
  events: readonly Event[],
  changesOf: (event: Event) => readonly MailboxChange[],
) => void
