import { CheckpointSigned } from '@mailx/proto/transparency/v1/events'
import type { EventOf } from './event.ts'

/** The context `transparency`, in the order events were added. Never remove a line. */
export const transparencyEvents = { CheckpointSigned }

export type TransparencyEvent = EventOf<typeof transparencyEvents>
