import { rateLimiter } from '@mailx/cache/rate-limit'
import { type Migrations, migrate } from '@mailx/event-log/migrate'
import { withSqlErrors } from '@mailx/event-log/sql-errors'
import { peerChallenge } from '@mailx/federation/authorize-peer'
import { certificateTrouble } from '@mailx/federation/certificate-trouble'
import { loadFederationPolicy } from '@mailx/federation/federation-policy'
import { createVaultTable, openKeyVault } from '@mailx/federation/key-vault'
import { listenForPeers } from '@mailx/federation/peer-listener'
import { encodePeerContact, PEERS_CONTACTED } from '@mailx/federation/peers-contacted'
import { logTrouble } from '@mailx/messaging/log-trouble'
import { repeatedly } from '@mailx/messaging/repeatedly'
import { runProjections } from '@mailx/processors/run-projections'
import { DirectoryServiceClient } from '@mailx/proto/directory/v1/directory_service'
import { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import { TransparencyServiceClient } from '@mailx/proto/transparency/v1/transparency_service'
import { readinessOf } from '@mailx/runtime/readiness'
import type { RunningService, ServiceDeps } from '@mailx/runtime/running-service'
import { peerLabel } from '@mailx/telemetry/capped-label'
import { counter } from '@mailx/telemetry/metrics'
import type { InboundFederationConfig } from './config.ts'
import { batchSlots } from './peers/batch-slots.ts'
import { hostedKeys } from './peers/hosted-keys.ts'
import { peerDocuments } from './peers/peer-documents.ts'
import { batchReceiver } from './peers/receive-batch.ts'
import { rejectionLog } from './peers/rejection-log.ts'
import { uploads as uploadsOf } from './peers/uploads.ts'
import { fullMailboxes } from './projections/full-mailboxes.ts'
import { hostedDomains } from './projections/hosted-domains.ts'
import { users } from './projections/users.ts'
import { peerServices } from './rpc/peer-services.ts'

const authorized = counter({
  name: 'mailx_inbound_connections_total',
  help: 'Connections on which a peer proved its domain, by peer.',
  labelNames: ['peer'],
})

const SERVICE = 'inbound-federation'
const SCHEMA = 'inbound'
const HOUR_MS = 60 * 60 * 1000
const MINUTE_MS = 60 * 1000
/** Batches of one peer that are worked on at once; 4 MiB each at most. */
const BATCHES_PER_PEER = 8

/** The tables of the service. */
export const inboundMigrations: Migrations = {
  schema: SCHEMA,
  dir: new URL('../migrations/', import.meta.url),
}

/** Starts inbound-federation: peers may connect as soon as identity has given keys to the domains. */
export async function startInboundFederation(
  deps: ServiceDeps<InboundFederationConfig>,
): Promise<RunningService> {
  const { config, internal, log, logger, nats, now, pool, random, redis } = deps
  const kek = config.KEY_ENCRYPTION_KEY
  await migrate(pool, inboundMigrations, (what) => logger.warn(what))
  await createVaultTable(pool, SCHEMA)
  await openKeyVault({ sql: pool, schema: SCHEMA, kek, random }).check()
  const policy = await loadFederationPolicy({
    mode: config.FEDERATION_POLICY,
    listFile: config.FEDERATION_LIST,
    onReloaded: (listed) => logger.info({ domains: listed.size }, 'read FEDERATION_LIST again'),
    onFailure: (error) => logger.error({ err: error }, 'FEDERATION_LIST stays as it was'),
  })

  const sql = withSqlErrors(pool)
  const identity = internal.connect('identity', IdentityServiceClient, config.IDENTITY_ADDRESS)
  const directory = internal.connect('directory', DirectoryServiceClient, config.DIRECTORY_ADDRESS)
  const transparency = internal.connect(
    'transparency',
    TransparencyServiceClient,
    config.TRANSPARENCY_ADDRESS,
  )
  const keys = hostedKeys({
    pool: sql,
    schema: SCHEMA,
    kek,
    identity,
    now,
    random,
    onFailure: (error) => logger.warn({ err: error }, 'identity gives no keys yet; trying again'),
  })
  const full = fullMailboxes()
  const projections = await runProjections({
    pool,
    log,
    nats,
    busKeys: config.BUS_KEY,
    schema: SCHEMA,
    service: SERVICE,
    projections: [users],
    followers: [hostedDomains(keys.take), full.follower],
    onTrouble: logTrouble(logger, 'events wait to be processed'),
  })

  const documents = peerDocuments({ directory, now })
  const uploads = uploadsOf(sql, now)
  const traced = new Set(config.TRACE_PEERS)
  const isTraced = (peer: string) => traced.has(peer)
  const onRedisDown = 'local-bucket'
  const limit = { redis, durationMs: MINUTE_MS, onRedisDown } as const
  const receive = batchReceiver({
    log,
    sql,
    uploads,
    rate: rateLimiter({
      ...limit,
      name: 'deliveries per peer',
      points: config.DELIVERIES_PER_PEER,
    }),
    keyOf: keys.keyOf,
    findKey: documents.findKey,
    isFull: full.has,
    unknownRecipient: config.UNKNOWN_RECIPIENT,
    isTraced,
    now,
    random,
    logger,
  })
  const challenge = peerChallenge({
    keyOf: async (domain) => keys.keyOf(domain),
    findKey: documents.findKey,
    now,
    onAuthorized: ({ local, peer }) => {
      logger.info({ peer, domain: local }, 'a peer has authorized itself')
      authorized.inc({ peer: peerLabel(peer) })
      nats.publish(PEERS_CONTACTED, encodePeerContact(peer))
    },
  })
  const { host, port } = splitListen(config.PEER_LISTEN)
  const listener = await listenForPeers({
    host,
    port,
    certificateOf: keys.certificateOf,
    authorityOf: documents.authorityOf,
    admit: policy.admit,
    services: (connectionOf) =>
      peerServices({
        connectionOf,
        challenge,
        receive,
        uploads,
        slots: batchSlots(BATCHES_PER_PEER),
        uploadRate: rateLimiter({
          ...limit,
          name: 'attachments per peer',
          points: config.UPLOAD_MIB_PER_PEER,
        }),
        directory,
        identity,
        transparency,
        isTraced,
      }),
    telemetry: { service: SERVICE, logger },
    onRejected: rejectionLog(logger),
    now,
    limits: {
      unverified: config.UNVERIFIED_CONNECTIONS,
      unverifiedPerAddress: Math.ceil(config.UNVERIFIED_CONNECTIONS / 8),
    },
  })
  // Health only: nobody inside asks this service for anything.
  const grpc = await internal.serve({
    listen: config.GRPC_LISTEN ?? config.INBOUND_ADDRESS,
    services: [],
    telemetry: { service: SERVICE, logger },
  })
  grpc.setReady(true)
  const tidying = repeatedly(HOUR_MS, uploads.forgetOld, (error) =>
    logger.warn({ err: error }, 'old uploads could not be forgotten; trying again'),
  )

  return {
    name: SERVICE,
    addresses: { grpc: grpc.address, peers: `${host}:${listener.port}` },
    ready: () => {
      const { ready, reason } = projections.ready()
      const missing = keys.missing()
      const trouble = certificateTrouble(keys.held(), keys.certificateOf, now())
      return readinessOf([
        { name: 'projections', ok: ready, ...(reason === undefined ? {} : { detail: reason }) },
        {
          name: 'keys of the hosted domains',
          ok: missing.length === 0,
          ...(missing.length === 0 ? {} : { detail: `missing for ${missing.join(', ')}` }),
        },
        {
          name: 'certificates',
          ok: trouble === undefined,
          ...(trouble === undefined ? {} : { detail: trouble }),
        },
      ])
    },
    stop: async () => {
      await listener.stop({ graceMs: config.SHUTDOWN_GRACE_MS })
      await grpc.stop({ graceMs: config.SHUTDOWN_GRACE_MS })
      await tidying.stop()
      policy.stop()
      await keys.stop()
      await projections.stop()
      for (const client of [identity, directory, transparency]) client.close()
    },
  }
}

function splitListen(listen: string): { readonly host: string; readonly port: number } {
  const at = listen.lastIndexOf(':')
  return { host: listen.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(listen.slice(at + 1)) }
}
