import { MailxError } from '@mailx/errors/mailx-error'
import { type Migrations, migrate } from '@mailx/event-log/migrate'
import { withSqlErrors } from '@mailx/event-log/sql-errors'
import { configuredResolver } from '@mailx/federation/configured-resolver'
import { discover } from '@mailx/federation/discover'
import { parseStaticPeers, type StaticPeers } from '@mailx/federation/static-peers'
import { watchFile } from '@mailx/federation/watched-file'
import { logTrouble } from '@mailx/messaging/log-trouble'
import { repeatedly } from '@mailx/messaging/repeatedly'
import { runProjections } from '@mailx/processors/run-projections'
import { DirectoryServiceService } from '@mailx/proto/directory/v1/directory_service'
import { OutboundServiceClient } from '@mailx/proto/outbound/v1/outbound_service'
import { TransparencyServiceClient } from '@mailx/proto/transparency/v1/transparency_service'
import { readinessOf } from '@mailx/runtime/readiness'
import type { RunningService, ServiceDeps } from '@mailx/runtime/running-service'
import { lookUpBudget } from './bundles/budget.ts'
import { callers } from './callers.ts'
import type { DirectoryConfig } from './config.ts'
import { discoveryLog } from './peers/discovery-log.ts'
import { peerFinder } from './peers/find-peer.ts'
import { documents } from './projections/documents.ts'
import { hostedDomains } from './projections/hosted-domains.ts'
import { peers as peersProjection } from './projections/peers.ts'
import { users } from './projections/users.ts'
import { getPeer } from './rpc/get-peer.ts'
import { lookUpKeys } from './rpc/look-up-keys.ts'
import { lookUpLocalKeys } from './rpc/look-up-local-keys.ts'
import { pinPeer } from './rpc/pin-peer.ts'

const SERVICE = 'directory'
const HOUR_MS = 60 * 60 * 1000

/** The tables of the service. */
export const directoryMigrations: Migrations = {
  schema: SERVICE,
  dir: new URL('../migrations/', import.meta.url),
}

/** Starts directory. */
export async function startDirectory(deps: ServiceDeps<DirectoryConfig>): Promise<RunningService> {
  const { config, internal, log, logger, nats, now, pool, random, redis } = deps
  if (config.ALLOW_PRIVATE_PEERS && config.NODE_ENV === 'production') {
    throw new MailxError(
      'UNSAFE_CONFIGURATION',
      'ALLOW_PRIVATE_PEERS lets any domain make this server dial into its own network; it is for development: unset it, or set NODE_ENV=development',
    )
  }
  await migrate(pool, directoryMigrations, (what) => logger.warn(what))
  const sql = withSqlErrors(pool)
  const hosted = hostedDomains()
  const staticPeers = await staticPeersOf(deps)
  const projections = await runProjections({
    pool,
    log,
    nats,
    busKeys: config.BUS_KEY,
    schema: SERVICE,
    service: SERVICE,
    projections: [users, documents, peersProjection],
    followers: [hosted.follower],
    onTrouble: logTrouble(logger, 'events wait to be processed'),
  })

  const resolver = configuredResolver(config.DNS_RESOLVER, config.DNS_TRUSTED)
  const policy = { allowPrivate: config.ALLOW_PRIVATE_PEERS, ports: new Set(config.PEER_PORTS) }
  const peers = peerFinder({
    log,
    redis,
    cacheKeys: config.BUS_KEY,
    discoveries: discoveryLog(sql),
    discover: (domain, pin) =>
      discover(domain, { resolver, policy, staticPeers: staticPeers.current(), pin, now }),
    now,
    onQuarantined: (domain) =>
      logger.error({ domain, alarm: 'peer-key' }, 'a domain shows a key that nothing vouches for'),
  })
  const transparency = internal.connect(
    'transparency',
    TransparencyServiceClient,
    config.TRANSPARENCY_ADDRESS,
  )
  const outbound = internal.connect(
    'outbound-federation',
    OutboundServiceClient,
    config.OUTBOUND_ADDRESS,
  )
  const budget = lookUpBudget({ sql, keys: config.BUS_KEY, now })
  const tidying = repeatedly(HOUR_MS, budget.forgetOld, (error) =>
    logger.warn({ err: error }, 'old look-up budgets could not be dropped; trying again'),
  )
  const lookUps = { sql, transparency, isHosted: hosted.has, budget }
  const grpc = await internal.serve({
    listen: config.GRPC_LISTEN ?? config.DIRECTORY_ADDRESS,
    services: [
      {
        definition: DirectoryServiceService,
        callers,
        implementation: {
          getPeer: getPeer({ peers }),
          pinPeer: pinPeer({ log, peers }),
          lookUpKeys: lookUpKeys({
            ...lookUps,
            peers,
            outbound,
            redis,
            cacheKeys: config.BUS_KEY,
            now,
            random,
            lookUpsPerUser: config.LOOK_UPS_PER_USER,
          }),
          lookUpLocalKeys: lookUpLocalKeys({
            ...lookUps,
            lookUpsPerPeerUser: config.LOOK_UPS_PER_PEER_USER,
            lookUpsPerPeer: config.LOOK_UPS_PER_PEER,
          }),
        },
      },
    ],
    telemetry: { service: SERVICE, logger },
  })
  grpc.setReady(true)

  return {
    name: SERVICE,
    addresses: { grpc: grpc.address },
    ready: () => {
      const { ready, reason } = projections.ready()
      return readinessOf([
        { name: 'projections', ok: ready, ...(reason === undefined ? {} : { detail: reason }) },
      ])
    },
    stop: async () => {
      await grpc.stop({ graceMs: config.SHUTDOWN_GRACE_MS })
      staticPeers.stop()
      await tidying.stop()
      await projections.stop()
      transparency.close()
      outbound.close()
    },
  }
}

/** The static file, read again when it changes; without one, nobody. */
async function staticPeersOf({ config, logger }: ServiceDeps<DirectoryConfig>) {
  const path = config.STATIC_PEERS_FILE
  if (path === undefined) {
    const nobody: StaticPeers = new Map()
    return { current: () => nobody, stop: () => undefined }
  }
  return watchFile({
    variable: 'STATIC_PEERS_FILE',
    path,
    parse: parseStaticPeers,
    onReloaded: (found) => logger.info({ peers: found.size }, 'read the static peers again'),
    onFailure: (error) => logger.error({ err: error }, 'the static peers stay as they were'),
  })
}
