import { PeerDiscovered, PeerPinned, PeerQuarantined } from '@mailx/proto/directory/v1/events'
import type { EventOf } from './event.ts'

/** The context `directory`, in the order events were added. Never remove a line. */
export const directoryEvents = { PeerDiscovered, PeerPinned, PeerQuarantined }

export type DirectoryEvent = EventOf<typeof directoryEvents>
