import { MessageAccepted } from '@mailx/proto/submission/v1/events'
import type { EventOf } from './event.ts'

/** The context `submission`, in the order events were added. Never remove a line. */
export const submissionEvents = { MessageAccepted }

export type SubmissionEvent = EventOf<typeof submissionEvents>
