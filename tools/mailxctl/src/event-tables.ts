import { deliveryEvents } from '@mailx/events/delivery'
import { directoryEvents } from '@mailx/events/directory'
import { identityEvents } from '@mailx/events/identity'
import { mailboxEvents } from '@mailx/events/mailbox'
import { receptionEvents } from '@mailx/events/reception'
import { submissionEvents } from '@mailx/events/submission'
import { transparencyEvents } from '@mailx/events/transparency'

/** Every event that any service writes. */
export const eventTables = {
  ...identityEvents,
  ...submissionEvents,
  ...receptionEvents,
  ...deliveryEvents,
  ...mailboxEvents,
  ...directoryEvents,
  ...transparencyEvents,
}
