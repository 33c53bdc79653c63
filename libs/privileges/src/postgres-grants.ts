import { type Principal, rightsOf, type ServiceRights, serviceNames, services } from './services.ts'

/** The name of a principal's role: roles belong to the whole server, so the database's name is in it. */
export const roleName = (database: string, principal: Principal): string =>
  `${database}_${principal === 'all-in-one' ? 'all_in_one' : schemaOf(principal)}`

const schemaOf = (principal: Exclude<Principal, 'all-in-one'>): string =>
  principal === 'operator' ? 'operator' : services[principal].schema

/**
 * Statements, for one transaction of the owner, after which a role has the rights of a principal and no
 * others. Tables that a service's schema does not have are an error: migrations come first.
 */
export function grantsFor(role: string, principal: Principal): readonly string[] {
  const to = quoted(role)
  const rights = rightsOf(principal)
  return [
    ...takeAll(role, to),
    ...(principal === 'operator' ? forOperator(to) : forServices(role, to, rights)),
  ]
}

const schemas = serviceNames.map((name) => services[name].schema)

/** Earlier grants go, so that the statements may be run again with fewer rights. */
const takeAll = (role: string, to: string): string[] => [
  ...['log', 'mail', ...schemas].flatMap((schema) =>
    ['tables', 'functions'].map(
      (kind) => `revoke all on all ${kind} in schema ${schema} from ${to}`,
    ),
  ),
  `revoke all on schema log, mail, ${schemas.join(', ')} from ${to}`,
  `delete from log.writers where role = ${literal(role)}`,
  `drop policy if exists ${to} on log.events`,
]

function forServices(role: string, to: string, rights: readonly ServiceRights[]): string[] {
  const reads = new Set(rights.flatMap(({ reads: contexts }) => contexts))
  const writes = rights.flatMap(({ writes: contexts }) => contexts)
  return [
    ...readLog(to, [...reads]),
    `grant execute on all functions in schema log to ${to}`,
    ...writes.map(
      (context) => `insert into log.writers values (${literal(context)}, ${literal(role)})`,
    ),
    ...rights.flatMap((one) => [...ownSchema(to, one), ...blobs(to, one)]),
  ]
}

const readLog = (to: string, contexts: readonly string[]): string[] => [
  `grant usage on schema log to ${to}`,
  `grant select on log.contexts, log.partitions, log.events, log.migrations to ${to}`,
  `create policy ${to} on log.events for select to ${to}
     using (split_part(partition, '-', 1) = any (array[${contexts.map(literal).join(', ')}]))`,
]

/**
 * The role of Postgres itself that a principal is made a member of, to see how the server is. The operator's
 * tool reads the size of the WAL besides, and where the data is.
 */
export function watchingRole(principal: Principal): string | undefined {
  if (principal === 'operator') return 'pg_monitor'
  return rightsOf(principal).some(({ watches }) => watches) ? 'pg_read_all_stats' : undefined
}

function ownSchema(to: string, { schema, vault }: ServiceRights): string[] {
  return [
    `grant usage on schema ${schema} to ${to}`,
    `grant select, insert, update, delete on all tables in schema ${schema} to ${to}`,
    `grant execute on all functions in schema ${schema} to ${to}`,
    `revoke insert, update, delete on ${schema}.migrations from ${to}`,
    `revoke insert, update, delete on ${schema}.operator_requests from ${to}`,
    `grant update (status, progress) on ${schema}.operator_requests to ${to}`,
    // A key that is lost is lost for ever, and one that is changed is another domain's.
    ...(vault
      ? [
          `revoke update, delete on ${schema}.vault from ${to}`,
          `grant update (kid, not_before, not_after) on ${schema}.vault to ${to}`,
        ]
      : []),
  ]
}

function blobs(to: string, { blobs: may }: ServiceRights): string[] {
  const usage = `grant usage on schema mail to ${to}`
  switch (may) {
    case 'none':
      return []
    case 'read':
      return [usage, `grant select (hash, data) on mail.blobs to ${to}`]
    case 'keep':
      return [
        usage,
        `grant select, delete on mail.blobs to ${to}`,
        `grant update (ahead) on mail.blobs to ${to}`,
      ]
    case 'store':
      return [
        usage,
        `grant insert (hash, data, created_at, ahead) on mail.blobs to ${to}`,
        `grant select (hash, created_at, ahead) on mail.blobs to ${to}`,
        `grant update (created_at, ahead) on mail.blobs to ${to}`,
        `grant execute on all functions in schema mail to ${to}`,
      ]
  }
}

// What an operator's tool reads besides: queues and their troubles, never mail, keys or sessions.
const queues = [
  'outbound.deliveries',
  'outbound.lane_heads',
  'outbound.lane_floors',
  'outbound.lane_pauses',
  'outbound.outcomes',
  'directory.peers',
  'directory.discoveries',
  'identity.domains',
  'transparency.trees',
  'transparency.tree_heads',
  'gateway.domains',
  'storage.outcomes',
  'storage.remote_copies',
]

const forOperator = (to: string): string[] => [
  `grant usage on schema log, ${schemas.join(', ')} to ${to}`,
  `grant select on log.contexts, log.partitions, log.events, log.migrations to ${to}`,
  `create policy ${to} on log.events for select to ${to} using (true)`,
  ...schemas.flatMap((schema) => [
    `grant select on ${schema}.migrations, ${schema}.checkpoints, ${schema}.parked_events,
       ${schema}.operator_requests to ${to}`,
    `grant insert (processor, action) on ${schema}.operator_requests to ${to}`,
  ]),
  `grant select on ${queues.join(', ')} to ${to}`,
]

/** Nothing is left to everybody: not the functions of the log, not connecting to the database. */
export const closeToPublic = (database: string): readonly string[] => [
  `revoke all on database ${quoted(database)} from public`,
  ...['log', 'mail', ...schemas].flatMap((schema) => [
    `revoke all on schema ${schema} from public`,
    `revoke all on all functions in schema ${schema} from public`,
  ]),
]

export const quoted = (identifier: string): string => `"${identifier.replaceAll('"', '""')}"`

const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
