import { connectRedis } from '@mailx/cache/connect'
import type { Environment } from '@mailx/config/read-config'
import { MailxError } from '@mailx/errors/mailx-error'
import { connectPostgres } from '@mailx/event-log/connect-postgres'
import type { EventLog } from '@mailx/event-log/event-log'
import { logMigrations, migrate } from '@mailx/event-log/migrate'
import { openEventLog } from '@mailx/event-log/open-log'
import { connectNats } from '@mailx/messaging/connect'
import { logTrouble } from '@mailx/messaging/log-trouble'
import { type Relay, startRelay } from '@mailx/messaging/relay'
import { ensureStreams } from '@mailx/messaging/streams'
import { inboxOf } from '@mailx/privileges/nats-permissions'
import { watchingRole } from '@mailx/privileges/postgres-grants'
import { isPrincipal, writtenBy } from '@mailx/privileges/services'
import type { Logger } from '@mailx/telemetry/logger'
import type { NatsConnection } from '@nats-io/transport-node'
import type { Redis } from 'ioredis'
import type pg from 'pg'
import { type HealthWatch, watchConnections } from './connection-health.ts'
import { type ConnectionConfig, currentAccess } from './current-access.ts'
import { keepTrying, type Waiting } from './keep-trying.ts'
import { watchServers } from './watch-servers.ts'

/** What the services of a process share. */
export type Connections = {
  readonly pool: pg.Pool
  readonly log: EventLog
  readonly relay: Relay
  readonly nats: NatsConnection
  readonly redis: Redis
}

export type OpenConnections = {
  readonly connections: Connections
  readonly health: HealthWatch
  readonly close: () => Promise<void>
}

/**
 * Opens what a process needs, once, for however many services run in it: Postgres (checked to be safe,
 * log migrated), the log, NATS with its streams, the relay, Redis. Waits for servers that are not
 * there yet; rejects for those that must not be used. What is secret and lies in files, by `env`, is
 * read again for each connection.
 */
export async function openConnections(
  config: ConnectionConfig,
  serviceName: string,
  waiting: Waiting,
  env: Environment = {},
): Promise<OpenConnections> {
  const { logger } = waiting
  const access = currentAccess(config, env, logger)
  const closers: Array<() => Promise<unknown>> = []
  const close = async () => {
    for (const closeOne of closers.splice(0).toReversed()) await closeOne()
  }
  const reach = <Connection>(name: string, variable: string, connect: () => Promise<Connection>) =>
    keepTrying(
      {
        trouble: `cannot reach ${name}: start it or correct ${variable}`,
        attempt: connect,
        passes: (error) => !isFinal(error),
      },
      waiting,
    )
  try {
    const pool = await reach('Postgres', 'DATABASE_URL', () =>
      connectPostgres({
        ...access.postgres,
        max: config.DATABASE_CONNECTIONS,
        applicationName: `mailx ${serviceName}`,
        onConnectionLost: (error) => logger.warn({ err: error }, 'lost a Postgres connection'),
      }),
    )
    closers.push(() => pool.end())
    await reach('the tables of the log', 'DATABASE_URL', () =>
      migrate(pool, logMigrations, (what) => logger.warn(what)),
    )
    await tellRights(pool, logger)
    const log = await openEventLog({ pool, partitions: config.LOG_PARTITIONS })
    closers.push(() => log.close())

    const nats = await reach('NATS', 'NATS_URL', () =>
      connectNats({
        ...access.nats,
        name: `mailx ${serviceName}`,
        // Who has a user of its own may listen for answers in its own place alone.
        ...(access.nats.seed !== undefined && { inboxPrefix: inboxOf(serviceName) }),
      }),
    )
    closers.push(() => nats.drain())
    await reach('JetStream', 'NATS_URL', () => ensureStreams(nats, writtenBy(serviceName)))
    const relay = startRelay({
      pool,
      log,
      nats,
      busKeys: config.BUS_KEY,
      contexts: writtenBy(serviceName),
      onTrouble: logTrouble(logger, 'the relay is held up; it tries again'),
    })
    closers.push(() => relay.stop())

    const redis = await reach('Redis', 'REDIS_URL', () => connectRedis({ ...access.redis, logger }))
    closers.push(async () => redis.disconnect())
    const health = watchConnections({ pool, nats, redis })
    closers.push(async () => health.stop())
    const watches = isPrincipal(serviceName) && watchingRole(serviceName) !== undefined
    const servers = watchServers({ pool, log, nats, redis, watches }, logger)
    closers.push(() => servers.stop())
    return { connections: { pool, log, relay, nats, redis }, health, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** What no waiting mends: a server that must not be used as it is set up, or a wrong configuration. */
const isFinal = (error: unknown): boolean =>
  error instanceof MailxError &&
  (error.code === 'UNSAFE_CONFIGURATION' || error.code === 'INVALID_ARGUMENT')

/** The operator hears at every start when nothing but the code keeps this process to its own. */
async function tellRights(pool: pg.Pool, logger: Logger): Promise<void> {
  const { rows } = await pool.query<{ role: string; owner: boolean }>(
    `select session_user as role, pg_has_role(session_user, nspowner, 'USAGE') as owner
       from pg_namespace where nspname = 'log'`,
  )
  const [{ role, owner } = { role: '', owner: true }] = rows
  if (owner) {
    logger.warn(
      { role },
      'works as the owner of the database, who may change and erase everything in it: give each service a role of its own (docs/least-privilege.md)',
    )
  } else logger.info({ role }, 'works with a database role of its own')
}
