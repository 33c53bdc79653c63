import { setTimeout as delay } from 'node:timers/promises'
import { type Migrations, migrate } from '@mailx/event-log/migrate'
import { withSqlErrors } from '@mailx/event-log/sql-errors'
import { createVaultTable, openKeyVault } from '@mailx/federation/key-vault'
import { logTrouble } from '@mailx/messaging/log-trouble'
import { runProjections } from '@mailx/processors/run-projections'
import { DirectoryServiceClient } from '@mailx/proto/directory/v1/directory_service'
import { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import { OutboundServiceService } from '@mailx/proto/outbound/v1/outbound_service'
import { readinessOf } from '@mailx/runtime/readiness'
import type { RunningService, ServiceDeps } from '@mailx/runtime/running-service'
import { callers } from './callers.ts'
import type { OutboundConfig } from './config.ts'
import { type OriginCredentialsOptions, originCredentials } from './peers/origin-credentials.ts'
import { peerLinks } from './peers/peer-links.ts'
import { sealedBlobs } from './peers/sealed-blobs.ts'
import { takeOrigins } from './peers/take-origins.ts'
import { dueDeliveries } from './projections/due-deliveries.ts'
import { outcomes } from './projections/outcomes.ts'
import { auditDeliveries } from './reactors/audit-deliveries.ts'
import { type Lanes, startLanes } from './reactors/lanes.ts'
import { lookUpPeerKeys } from './rpc/look-up-peer-keys.ts'

const SERVICE = 'outbound-federation'
const SCHEMA = 'outbound'

/** The tables of the service. */
export const outboundMigrations: Migrations = {
  schema: SCHEMA,
  dir: new URL('../migrations/', import.meta.url),
}

/** Starts outbound-federation: what is due is on its way when this resolves. */
export async function startOutboundFederation(
  deps: ServiceDeps<OutboundConfig>,
): Promise<RunningService> {
  const { config, internal, log, logger, nats, now, pool, random } = deps
  const kek = config.KEY_ENCRYPTION_KEY
  await migrate(pool, outboundMigrations, (what) => logger.warn(what))
  await createVaultTable(pool, SCHEMA)
  await openKeyVault({ sql: pool, schema: SCHEMA, kek, random }).check()

  const sql = withSqlErrors(pool)
  const identity = internal.connect('identity', IdentityServiceClient, config.IDENTITY_ADDRESS)
  const directory = internal.connect('directory', DirectoryServiceClient, config.DIRECTORY_ADDRESS)
  const credentials: OriginCredentialsOptions = {
    pool: sql,
    schema: SCHEMA,
    kek,
    identity,
    now,
    random,
    onFailure: (error) => logger.error({ err: error }, 'a key or certificate was not renewed'),
    onCertificateRenewed: (origin) => links.renew(origin),
  }
  const origins = originCredentials(credentials)
  const taken = takeOrigins(origins, (error) =>
    logger.warn({ err: error }, 'a hosted domain has no key for deliveries yet; trying again'),
  )
  const links = peerLinks({
    directory,
    origins,
    now,
    dialTimeoutMs: config.PEER_DIAL_TIMEOUT_MS,
    responseTimeoutMs: config.PEER_TIMEOUT_MS,
    idleMs: config.PEER_IDLE_MS,
  })

  const sealed = sealedBlobs(sql, log)

  // What is projected before the lanes are there is found by them when they start.
  let lanes: Lanes | undefined
  const projections = await runProjections({
    pool,
    log,
    nats,
    busKeys: config.BUS_KEY,
    schema: SCHEMA,
    service: SERVICE,
    projections: [dueDeliveries((growth) => lanes?.grown(growth)), outcomes],
    followers: [taken.follower],
    onTrouble: logTrouble(logger, 'a projection is held up'),
  })
  lanes = startLanes({
    pool,
    sql,
    sealed,
    log,
    nats,
    logger,
    links,
    origins,
    now,
    randomFraction: Math.random,
    retry: { firstMs: config.RETRY_FIRST_MS, longestMs: config.RETRY_LONGEST_MS },
    partitions: log.partitionsOf('submission'),
    delayNoticeMs: config.DELAY_NOTICE_MS,
    bounceAfterMs: config.BOUNCE_AFTER_MS,
    window: config.DELIVERY_WINDOW,
    idleMs: config.PEER_IDLE_MS,
  })
  const audit = auditDeliveries({
    sql,
    now,
    bounceAfterMs: config.BOUNCE_AFTER_MS,
    onFailure: (error) => logger.warn({ err: error }, 'deliveries could not be looked through'),
  })

  const grpc = await internal.serve({
    listen: config.GRPC_LISTEN ?? config.OUTBOUND_ADDRESS,
    services: [
      {
        definition: OutboundServiceService,
        callers,
        implementation: {
          lookUpPeerKeys: lookUpPeerKeys({ links, timeoutMs: config.PEER_DIAL_TIMEOUT_MS }),
        },
      },
    ],
    telemetry: { service: SERVICE, logger },
    // Key bundles of a hundred users.
    maxMessageBytes: 16 * 1024 * 1024,
  })
  grpc.setReady(true)

  return {
    name: SERVICE,
    addresses: { grpc: grpc.address },
    ready: () => {
      const { ready, reason } = projections.ready()
      const missing = taken.missing()
      const waiting = { detail: `none yet for ${missing.slice(0, 5).join(', ')}` }
      return readinessOf([
        { name: 'projections', ok: ready, ...(reason && { detail: reason }) },
        { name: 'keys', ok: missing.length === 0, ...(missing.length > 0 && waiting) },
      ])
    },
    stop: async () => {
      await grpc.stop({ graceMs: config.SHUTDOWN_GRACE_MS })
      const stopping = lanes?.stop()
      // Answers under way may still come and be recorded.
      const cut = new AbortController()
      const grace = delay(config.SHUTDOWN_GRACE_MS / 2, undefined, { signal: cut.signal })
      await Promise.race([stopping, grace.catch(() => undefined)])
      cut.abort()
      await links.stop()
      await stopping
      await audit.stop()
      sealed.stop()
      await projections.stop()
      await taken.stop()
      await origins.stop()
      identity.close()
      directory.close()
    },
  }
}
