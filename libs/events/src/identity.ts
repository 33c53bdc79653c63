import {
  DeviceListPublished,
  DomainCreated,
  DomainDocumentPublished,
  OperationalKeyCertified,
  UserRegistered,
} from '@mailx/proto/identity/v1/events'
import type { EventOf } from './event.ts'

/** Everything that can happen to a hosted domain, in the order it was added. Never remove a line. */
export const domainEvents = { DomainCreated, OperationalKeyCertified, DomainDocumentPublished }

/** Everything that can happen to a user. Never remove a line. */
export const userEvents = { UserRegistered, DeviceListPublished }

/** The context `identity`. */
export const identityEvents = { ...domainEvents, ...userEvents }

export type DomainEvent = EventOf<typeof domainEvents>
export type UserEvent = EventOf<typeof userEvents>
export type IdentityEvent = EventOf<typeof identityEvents>
