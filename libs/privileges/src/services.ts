import { type Context, contextNames } from '@mailx/events/contexts'

/** What a service may do with the sealed bytes of `mail.blobs`. */
export type BlobRights =
  | 'none'
  /** Put there and name again, never read. */
  | 'store'
  | 'read'
  /** Read, and erase what nobody needs. */
  | 'keep'

/** What one service may do inside a deployment. Whatever is not said here is refused. */
export type ServiceRights = {
  /** Its own schema in Postgres. */
  readonly schema: string
  /** Contexts whose events it may read. */
  readonly reads: readonly Context[]
  /** Contexts to which it may append; those that `contexts` names it the writer of. */
  readonly writes: readonly Context[]
  readonly blobs: BlobRights
  /** Whether it keeps signing keys: the table `vault` of its schema. */
  readonly vault: boolean
  /** Whether it may see what every session and replica of Postgres does, for the metrics. One service does. */
  readonly watches: boolean
  /** Subjects of core NATS on which it announces. */
  readonly says: readonly string[]
  /** Subjects of core NATS to which it listens. */
  readonly hears: readonly string[]
}

/** Who may do what. Postgres roles, NATS users and the documentation follow from it. */
export const services = {
  identity: {
    schema: 'identity',
    reads: ['identity'],
    writes: ['identity'],
    blobs: 'none',
    vault: true,
    watches: false,
    says: [],
    hears: [],
  },
  transparency: {
    schema: 'transparency',
    reads: ['identity', 'transparency'],
    writes: ['transparency'],
    blobs: 'none',
    vault: true,
    watches: false,
    says: [],
    hears: [],
  },
  directory: {
    schema: 'directory',
    reads: ['identity', 'directory'],
    writes: ['directory'],
    blobs: 'none',
    vault: false,
    watches: false,
    says: [],
    hears: [],
  },
  storage: {
    schema: 'storage',
    reads: ['submission', 'reception', 'delivery', 'mailbox'],
    writes: ['mailbox'],
    blobs: 'keep',
    vault: false,
    watches: true,
    says: ['mailboxes.changed'],
    hears: [],
  },
  'outbound-federation': {
    schema: 'outbound',
    reads: ['identity', 'submission', 'delivery'],
    writes: ['delivery'],
    blobs: 'read',
    vault: true,
    watches: false,
    says: ['outbound.lanes-grown'],
    hears: ['outbound.lanes-grown', 'peers.contacted'],
  },
  'inbound-federation': {
    schema: 'inbound',
    reads: ['identity', 'mailbox', 'reception'],
    writes: ['reception'],
    blobs: 'store',
    vault: true,
    watches: false,
    says: ['peers.contacted'],
    hears: [],
  },
  gateway: {
    schema: 'gateway',
    reads: ['identity', 'mailbox', 'submission'],
    writes: ['submission'],
    blobs: 'store',
    vault: false,
    watches: false,
    says: [],
    hears: ['mailboxes.changed'],
  },
} as const satisfies { readonly [service: string]: ServiceRights }

export type ServiceName = keyof typeof services

export const serviceNames = Object.keys(services) as readonly ServiceName[]

/** A process that has rights of its own: a service, all of them in one, or an operator's tool. */
export type Principal = ServiceName | 'all-in-one' | 'operator'

export const principals: readonly Principal[] = [...serviceNames, 'all-in-one', 'operator']

/** The rights of the services that run in a process of this name; none for the operator's tool. */
export function rightsOf(principal: Principal): readonly ServiceRights[] {
  if (principal === 'operator') return []
  return principal === 'all-in-one' ? Object.values(services) : [services[principal]]
}

export const isPrincipal = (name: string): name is Principal =>
  (principals as readonly string[]).includes(name)

/** The contexts to which a process appends; all of them for a process that has no rights of its own. */
export const writtenBy = (name: string): readonly Context[] =>
  isPrincipal(name) ? rightsOf(name).flatMap(({ writes }) => writes) : contextNames
