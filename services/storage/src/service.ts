import { type Migrations, migrate } from '@mailx/event-log/migrate'
import { withSqlErrors } from '@mailx/event-log/sql-errors'
import { logTrouble } from '@mailx/messaging/log-trouble'
import { repeatedly } from '@mailx/messaging/repeatedly'
import { type ProjectionRunner, runProjections } from '@mailx/processors/run-projections'
import {
  type StorageServiceServer,
  StorageServiceService,
} from '@mailx/proto/storage/v1/storage_service'
import { readinessOf } from '@mailx/runtime/readiness'
import type { RunningService, ServiceDeps } from '@mailx/runtime/running-service'
import { callers } from './callers.ts'
import type { StorageConfig } from './config.ts'
import { changesProjection } from './projections/changes.ts'
import { outcomesProjection } from './projections/outcomes.ts'
import { receivedProjection } from './projections/received.ts'
import { submittedProjection } from './projections/submitted.ts'
import { announceEvents, changePublisher } from './reactors/announce-changes.ts'
import { announceGaps } from './reactors/announce-gaps.ts'
import { announceOwnerChanges } from './reactors/announce-owner-changes.ts'
import { eraseBlobs } from './reactors/erase-blobs.ts'
import { watchQuota } from './reactors/watch-quota.ts'
import { deleteMessages } from './rpc/delete-messages.ts'
import { fetchBlobs } from './rpc/fetch-blobs.ts'
import { fetchMessages } from './rpc/fetch-messages.ts'
import { getDeliveryStatus } from './rpc/get-delivery-status.ts'
import { getUsage } from './rpc/get-usage.ts'
import { listMessages } from './rpc/list-messages.ts'
import { setFlags } from './rpc/set-flags.ts'
import type { StorageDeps } from './rpc/storage-deps.ts'

const APPLIED_WITHIN_MS = 10_000

/** The tables of the service. */
export const storageMigrations: Migrations = {
  schema: 'storage',
  dir: new URL('../migrations/', import.meta.url),
}

/** Mailboxes, quota and delivery states: starts projecting, erasing and answering. */
export async function startStorage(deps: ServiceDeps<StorageConfig>): Promise<RunningService> {
  const { pool, log, config, internal, logger, now } = deps
  await migrate(pool, storageMigrations, (what) => logger.warn(what))
  const runner = await startProcessors(deps)
  const erasing = repeatedly(
    config.ERASE_EVERY_MS,
    () => eraseAll(deps),
    (error) => logger.warn({ err: error }, 'sealed bytes could not be erased; it is tried again'),
  )
  const rpcDeps: StorageDeps = {
    sql: withSqlErrors(pool),
    log,
    applied: (partition, position) =>
      runner.waitFor('storage.changes', partition, position, APPLIED_WITHIN_MS),
    quotaBytes: config.DEFAULT_QUOTA_BYTES,
    now,
    logger,
  }
  const grpc = await internal.serve({
    listen: config.GRPC_LISTEN ?? config.STORAGE_ADDRESS,
    services: [{ definition: StorageServiceService, callers, implementation: handlers(rpcDeps) }],
    telemetry: { service: 'storage', logger },
  })
  grpc.setReady(true)
  return {
    name: 'storage',
    addresses: { grpc: grpc.address },
    ready() {
      const { ready, reason } = runner.ready()
      return readinessOf([{ name: 'projections', ok: ready, ...(reason && { detail: reason }) }])
    },
    async stop() {
      await grpc.stop({ graceMs: config.SHUTDOWN_GRACE_MS })
      await erasing.stop()
      await runner.stop()
    },
  }
}

async function startProcessors(deps: ServiceDeps<StorageConfig>): Promise<ProjectionRunner> {
  const { pool, log, nats, config, logger, now } = deps
  const publish = changePublisher({ nats, busKeys: config.BUS_KEY, logger })
  announceGaps({ nats, publish, logger })
  const announce = announceEvents(publish, now)
  const ownerChanges = announceOwnerChanges({ pool, publish, now, logger })
  const projectionOf = new Map([
    ['submission', 'storage.submitted'],
    ['reception', 'storage.received'],
    ['mailbox', 'storage.changes'],
  ])
  const applied = async (partition: string, position: bigint) => {
    const projection = projectionOf.get(partition.slice(0, partition.lastIndexOf('-')))
    if (projection) await runner.waitFor(projection, partition, position, APPLIED_WITHIN_MS)
  }
  const quotaBytes = config.DEFAULT_QUOTA_BYTES
  const runner: ProjectionRunner = await runProjections({
    pool,
    log,
    nats,
    busKeys: config.BUS_KEY,
    schema: 'storage',
    service: 'storage',
    projections: [
      submittedProjection(announce),
      receivedProjection(announce),
      outcomesProjection(announce),
      changesProjection(ownerChanges),
    ],
    reactors: [watchQuota({ pool, log, applied, quotaBytes })],
    onTrouble: logTrouble(logger, 'a processor is held up'),
  })
  return runner
}

async function eraseAll({ pool, config, now }: ServiceDeps<StorageConfig>): Promise<void> {
  const eraser = {
    eraseAfterMs: config.ERASE_AFTER_MS,
    deliveredRetentionMs: config.DELIVERED_RETENTION_MS,
    orphanAfterMs: config.ORPHAN_AFTER_MS,
  }
  while ((await eraseBlobs({ pool, config: eraser, now })) > 0);
}

const handlers = (deps: StorageDeps): StorageServiceServer => ({
  listMessages: listMessages(deps),
  fetchMessages: fetchMessages(deps),
  fetchBlobs: fetchBlobs(deps),
  setFlags: setFlags(deps),
  deleteMessages: deleteMessages(deps),
  getDeliveryStatus: getDeliveryStatus(deps),
  getUsage: getUsage(deps),
})
