import type { MailxError } from '@mailx/errors/mailx-error'
import { type Migrations, migrate } from '@mailx/event-log/migrate'
import { withSqlErrors } from '@mailx/event-log/sql-errors'
import { createVaultTable, openKeyVault } from '@mailx/federation/key-vault'
import { logTrouble } from '@mailx/messaging/log-trouble'
import { runProjections } from '@mailx/processors/run-projections'
import { IdentityServiceClient } from '@mailx/proto/identity/v1/identity_service'
import { TransparencyServiceService } from '@mailx/proto/transparency/v1/transparency_service'
import { readinessOf } from '@mailx/runtime/readiness'
import type { RunningService, ServiceDeps } from '@mailx/runtime/running-service'
import { callers } from './callers.ts'
import type { TransparencyConfig } from './config.ts'
import { keyLog } from './projections/key-log.ts'
import { treeHeads } from './projections/tree-heads.ts'
import { type Sequencer, startSequencer } from './reactors/sequencer.ts'
import { getCheckpoint } from './rpc/get-checkpoint.ts'
import { getConsistencyProof } from './rpc/get-consistency-proof.ts'
import { getInclusionProofs } from './rpc/get-inclusion-proofs.ts'
import { logKeys } from './tree/log-keys.ts'

const SERVICE = 'transparency'

/** The tables of the service. */
export const transparencyMigrations: Migrations = {
  schema: SERVICE,
  dir: new URL('../migrations/', import.meta.url),
}

/** Starts transparency. Trees are signed as soon as identity certifies the `log` keys. */
export async function startTransparency(
  deps: ServiceDeps<TransparencyConfig>,
): Promise<RunningService> {
  const { config, internal, log, logger, nats, now, pool, random } = deps
  await migrate(pool, transparencyMigrations, (what) => logger.warn(what))
  await createVaultTable(pool, SERVICE)
  const kek = config.KEY_ENCRYPTION_KEY
  await openKeyVault({ sql: pool, schema: SERVICE, kek, random }).check()

  const sql = withSqlErrors(pool)
  const identity = internal.connect('identity', IdentityServiceClient, config.IDENTITY_ADDRESS)
  const keys = logKeys({
    pool: sql,
    schema: SERVICE,
    kek,
    identity,
    now,
    random,
    onFailure: (error) => logger.error({ err: error }, 'a log key could not be renewed'),
  })
  // Events may be projected before the sequencer is there; it looks for grown trees when it starts.
  let sequencer: Sequencer | undefined
  const projections = await runProjections({
    pool,
    log,
    nats,
    busKeys: config.BUS_KEY,
    schema: SERVICE,
    service: SERVICE,
    projections: [keyLog((domains) => sequencer?.wake(domains)), treeHeads],
    onTrouble: logTrouble(logger, 'a projection is held up'),
  })
  sequencer = startSequencer({
    log,
    sql,
    keyOf: keys.keyOf,
    isProjected: () =>
      projections.caughtUp(5_000).then(
        () => true,
        () => false,
      ),
    intervalMs: config.CHECKPOINT_INTERVAL_MS,
    now,
    logger,
  })

  const onCorruption = (error: MailxError, domain: string) =>
    logger.error({ err: error, domain, alarm: 'key-log' }, 'the stored key log is damaged')
  const grpc = await internal.serve({
    listen: config.GRPC_LISTEN ?? config.TRANSPARENCY_ADDRESS,
    services: [
      {
        definition: TransparencyServiceService,
        callers,
        implementation: {
          getCheckpoint: getCheckpoint({ sql }),
          getInclusionProofs: getInclusionProofs({ sql, onCorruption }),
          getConsistencyProof: getConsistencyProof({ sql, onCorruption }),
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
      return readinessOf([{ name: 'projections', ok: ready, ...(reason && { detail: reason }) }])
    },
    stop: async () => {
      await grpc.stop({ graceMs: config.SHUTDOWN_GRACE_MS })
      await sequencer?.stop()
      await keys.stop()
      await projections.stop()
      identity.close()
    },
  }
}
