import type { EventLog } from '@mailx/event-log/event-log'
import { decodeEvent } from '@mailx/events/codec'
import { directoryEvents } from '@mailx/events/directory'
import { type Peer, peer } from '../deciders/peer.ts'

export const peerStream = (domain: string) => ({
  context: 'directory',
  key: domain,
  stream: `peer/${domain}`,
})

/** What the log says about a domain. */
export async function knownPeer(log: EventLog, domain: string): Promise<Peer> {
  const events = await log.readStream(peerStream(domain))
  return events.reduce((state, stored) => {
    const event = decodeEvent(directoryEvents, stored)
    return event === undefined ? state : peer.evolve(state, event)
  }, peer.initialState)
}
