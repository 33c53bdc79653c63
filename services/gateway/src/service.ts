import { type Migrations, migrate } from '@mailx/event-log/migrate'
import { withSqlErrors } from '@mailx/event-log/sql-errors'
import { certificateTrouble } from '@mailx/federation/certificate-trouble'
import { logTrouble } from '@mailx/messaging/log-trouble'
import { repeatedly } from '@mailx/messaging/repeatedly'
import { type ProjectionRunner, runProjections } from '@mailx/processors/run-projections'
import { ClientServiceService } from '@mailx/proto/client/v1/client_service'
import { DirectoryServiceClient } from '@mailx/proto/directory/v1/directory_service'
import { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import { StorageServiceClient } from '@mailx/proto/storage/v1/storage_service'
import { type Check, readinessOf } from '@mailx/runtime/readiness'
import type { RunningService, ServiceDeps } from '@mailx/runtime/running-service'
import { type Certificates, certificates } from './client-port/certificates.ts'
import { domainContexts } from './client-port/domain-contexts.ts'
import { domainDocuments } from './client-port/domain-documents.ts'
import { hostedDomainOf } from './client-port/hosted-names.ts'
import { listenForClients } from './client-port/listen-for-clients.ts'
import { serveWellKnown } from './client-port/serve-well-known.ts'
import type { GatewayConfig } from './config.ts'
import { deviceLists } from './projections/device-lists.ts'
import { fullMailboxes } from './projections/full-mailboxes.ts'
import { hostedDomains } from './projections/hosted-domains.ts'
import { hearChanges } from './reactors/hear-changes.ts'
import { type KnownState, knownState } from './reactors/known-state.ts'
import { pushHub } from './reactors/push-hub.ts'
import { clientService } from './rpc/client-service.ts'
import { limits } from './rpc/limits.ts'
import { sessions } from './rpc/sessions.ts'
import { undecided } from './rpc/undecided.ts'
import { users } from './rpc/users.ts'

const SERVICE = 'gateway'
const REFRESH_MS = 1_000
const MIB = 1024 * 1024

/** The tables of the service. */
export const gatewayMigrations: Migrations = {
  schema: SERVICE,
  dir: new URL('../migrations/', import.meta.url),
}

/** The doors for clients: gRPC over TLS, and HTTPS for the well-known document. */
export async function startGateway(deps: ServiceDeps<GatewayConfig>): Promise<RunningService> {
  const { config, internal, log, logger, nats, now, pool, redis } = deps
  await migrate(pool, gatewayMigrations, (what) => logger.warn(what))
  const sql = withSqlErrors(pool)
  const known = knownState({ sql, now })
  const runner = await startProjections(deps, known)
  await runner.caughtUp()
  await known.refresh()
  const refreshing = repeatedly(REFRESH_MS, known.refresh, (error) =>
    logger.warn({ err: error }, 'hosted domains, device lists and quotas could not be read'),
  )

  const identity = internal.connect('identity', IdentityServiceClient, config.IDENTITY_ADDRESS)
  const directory = internal.connect('directory', DirectoryServiceClient, config.DIRECTORY_ADDRESS)
  const storage = internal.connect('storage', StorageServiceClient, config.STORAGE_ADDRESS)
  const held = certificates({ identity, hostedDomains: known.hostedDomains, now, logger })
  const unlisten = known.onDomainAdded(() => {
    held.complete().catch((error: unknown) => {
      logger.warn({ err: error }, 'no certificate for a new domain yet; trying again')
    })
  })
  const { isHosted, refresh } = known
  const contexts = domainContexts({ certificates: held, isHosted, refresh, now })
  const documentOf = domainDocuments({ identity, isHosted })
  const hub = pushHub()
  const hearing = hearChanges({ nats, busKeys: config.BUS_KEY, hub, logger })

  const clients = await listenForClients({
    listen: config.CLIENT_LISTEN,
    contextOf: contexts.ofDomain,
    handshakes: config.CLIENT_HANDSHAKES,
    logger,
    service: {
      definition: ClientServiceService,
      implementation: clientService({
        log,
        sql,
        known,
        users: users(log),
        bounceAfterMs: config.BOUNCE_AFTER_MS,
        now,
        identity,
        directory,
        storage,
        sessions: sessions({ known, sessionKeys: config.SESSION_KEY, now }),
        limits: limits({ redis, config, now }),
        undecided: undecided(config.UNDECIDED_MIB * MIB),
        hub,
        documentOf,
      }),
    },
  })
  const wellKnown = await serveWellKnown({
    listen: config.HTTPS_LISTEN,
    contextOf: contexts.ofHost,
    handshakes: config.CLIENT_HANDSHAKES,
    domainOfHost: (host) => hostedDomainOf(host, isHosted),
    documentOf,
    logger,
  })
  // Only for health checks: nothing inside the deployment calls the gateway.
  const health = config.GRPC_LISTEN
    ? await internal.serve({
        listen: config.GRPC_LISTEN,
        services: [],
        telemetry: { service: SERVICE, logger },
      })
    : undefined
  health?.setReady(true)

  return {
    name: SERVICE,
    addresses: {
      client: clients.address,
      https: wellKnown.address,
      ...(health && { grpc: health.address }),
    },
    ready: () => readinessOf([projectionsCheck(runner), certificatesCheck(known, held, now())]),
    async stop() {
      const graceMs = config.SHUTDOWN_GRACE_MS
      await Promise.all([clients.stop({ graceMs }), wellKnown.stop(), health?.stop({ graceMs })])
      hearing.stop()
      unlisten()
      await held.stop()
      await refreshing.stop()
      await runner.stop()
      for (const client of [identity, directory, storage]) client.close()
    },
  }
}

function startProjections(
  { pool, log, nats, config, logger }: ServiceDeps<GatewayConfig>,
  known: KnownState,
): Promise<ProjectionRunner> {
  const onTrouble = logTrouble(logger, 'a processor is held up')
  // The other replicas find it by looking, a second later.
  const refresh = () => void known.refresh().catch(onTrouble)
  return runProjections({
    pool,
    log,
    nats,
    busKeys: config.BUS_KEY,
    schema: SERVICE,
    service: SERVICE,
    projections: [hostedDomains(refresh), deviceLists(refresh), fullMailboxes(refresh)],
    onTrouble,
  })
}

function projectionsCheck(runner: ProjectionRunner): Check {
  const { ready, reason } = runner.ready()
  return { name: 'projections', ok: ready, ...(reason !== undefined && { detail: reason }) }
}

function certificatesCheck(known: KnownState, held: Certificates, now: number): Check {
  const domains = known.hostedDomains()
  if (domains.length === 0) {
    return { name: 'certificates', ok: false, detail: 'no domain is hosted yet (HOSTED_DOMAINS)' }
  }
  const detail = certificateTrouble(domains, held.certificateOf, now)
  return { name: 'certificates', ok: detail === undefined, ...(detail && { detail }) }
}
