import { MessageReceived } from '@mailx/proto/reception/v1/events'
import type { EventOf } from './event.ts'

/** The context `reception`, in the order events were added. Never remove a line. */
export const receptionEvents = { MessageReceived }

export type ReceptionEvent = EventOf<typeof receptionEvents>
