import type { EventLog } from '@mailx/event-log/event-log'
import { decodeEvent } from '@mailx/events/codec'
import { domainEvents, userEvents } from '@mailx/events/identity'
import { domain } from '../deciders/domain.ts'
import type { Domain } from '../deciders/hosted-domain.ts'
import { type User, user } from '../deciders/user.ts'

/** Where a domain's events are. The domain is the partition key of all its users, too. */
export const domainStream = (name: string) =>
  ({ context: 'identity', key: name, stream: `domain/${name}` }) as const

export const userStream = (address: string, domainName: string) =>
  ({ context: 'identity', key: domainName, stream: `user/${address}` }) as const

/** The domain as of the last commit: read from the log, never stale. */
export async function readDomain(log: EventLog, name: string): Promise<Domain> {
  let state = domain.initialState
  for (const stored of await log.readStream(domainStream(name))) {
    const event = decodeEvent(domainEvents, stored)
    if (event !== undefined) state = domain.evolve(state, event)
  }
  return state
}

/** The user as of the last commit. */
export async function readUser(log: EventLog, address: string, domainName: string): Promise<User> {
  let state = user.initialState
  for (const stored of await log.readStream(userStream(address, domainName))) {
    const event = decodeEvent(userEvents, stored)
    if (event !== undefined) state = user.evolve(state, event)
  }
  return state
}
