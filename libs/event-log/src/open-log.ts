import { MailxError } from '@mailx/errors/mailx-error'
import { errorType, failSpan } from '@mailx/telemetry/tracer'
import type { Pool } from 'pg'
import { startAppendSpan, withCommitSpan } from './append-spans.ts'
import type {
  Appended,
  AppendRequest,
  CommitListener,
  CommittedBatch,
  EventLog,
} from './event-log.ts'
import { type Batch, defaultLimits, type GroupCommitLimits, groupCommit } from './group-commit.ts'
import { groupWriter } from './group-writer.ts'
import { appendBatchSize, appendFailures, commitSeconds } from './log-metrics.ts'
import { type ContextOptions, openContexts } from './open-contexts.ts'
import { partitionIndex, partitionName } from './partition-of.ts'
import { type PartitionWriter, partitionWriter } from './partition-writer.ts'
import { checkRequest, type PendingAppend, pendingAppend } from './pending-append.ts'
import type { BatchPlan } from './plan-batch.ts'
import { answer } from './postgres-error.ts'
import { readEvents, readHeads, readStream } from './read-log.ts'

export type EventLogOptions = ContextOptions & {
  readonly pool: Pool
  readonly limits?: Partial<GroupCommitLimits>
  readonly now?: () => number
  /** How long to find out whether a batch was committed when Postgres was lost meanwhile. */
  readonly doubtMs?: number
}

/**
 * Opens the log; `migrate(pool, logMigrations)` has run before. The first process ever to open a
 * context decides how many partitions it has; afterwards that number is read back, and `partitions`
 * does not matter any more.
 */
export async function openEventLog(options: EventLogOptions): Promise<EventLog> {
  const { pool, now = Date.now, doubtMs = 3000 } = options
  const counts = await openContexts(pool, options)
  const listeners = new Set<CommitListener>()
  const writers = new Map<string, PartitionWriter>()
  for (const [context, count] of counts) {
    // A counter that begins at 1 has not grown, as Prometheus sees it.
    appendFailures.inc({ context, code: 'STORAGE_FULL' }, 0)
    for (const partition of names(context, count)) {
      const onCommitted = (plan: BatchPlan) => announce(context, partition, plan)
      writers.set(partition, partitionWriter({ pool, partition, now, onCommitted, doubtMs }))
    }
  }
  const writeGroup = groupWriter({ pool, writerOf, now })
  const queue = groupCommit<PendingAppend>({ ...defaultLimits, ...options.limits }, write)
  let closed = false

  return {
    append,
    readStream: ({ context, key, stream }) =>
      answer(readStream(pool, partitionOf(context, key), stream)),
    read: (request) => answer(readEvents(pool, request)),
    heads: (context) => answer(readHeads(pool, context)),
    partitionOf,
    partitionsOf: (context) => names(context, countOf(context)),
    onCommitted(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      closed = true
      await queue.drained()
    },
  }

  async function append(request: AppendRequest): Promise<Appended> {
    if (closed) throw new MailxError('UNAVAILABLE', 'this process is stopping: try again')
    checkRequest(request)
    const partition = partitionOf(request.context, request.key)
    const { traceparent, span } = startAppendSpan(request.context, partition)
    try {
      const appended = await new Promise<Appended>((resolve, reject) => {
        const settle = { resolve, reject }
        queue.add(partition, pendingAppend(request, traceparent, performance.now(), settle))
      })
      span?.setAttribute('mailx.log.position', appended.position.toString())
      return appended
    } catch (error) {
      appendFailures.inc({ context: request.context, code: errorType(error) })
      if (span !== undefined) failSpan(span, error)
      throw error
    } finally {
      span?.end()
    }
  }

  function write(batches: readonly Batch<PendingAppend>[]): readonly Promise<void>[] {
    const startedAt = performance.now()
    return writeGroup(batches).map(async (written, index) => {
      const { partition, items } = batches[index] as Batch<PendingAppend>
      await withCommitSpan(partition, items, () => written)
      const context = partition.slice(0, partition.lastIndexOf('-'))
      commitSeconds.observe({ context }, (performance.now() - startedAt) / 1000)
    })
  }

  function writerOf(partition: string): PartitionWriter {
    const writer = writers.get(partition)
    if (writer === undefined) throw new Error(`partition ${partition} is not in this log`)
    return writer
  }

  function announce(
    context: string,
    partition: string,
    { start, end, events, blobs }: BatchPlan,
  ): void {
    appendBatchSize.observe({ context }, events.length)
    const batch: CommittedBatch = {
      context,
      partition,
      firstPosition: start.position + 1n,
      previousHash: start.hash,
      hash: end.hash,
      events,
    }
    // Apart from the append: what a listener throws must not look like a failure of Postgres.
    for (const listener of listeners) queueMicrotask(() => listener(batch, blobs))
  }

  function partitionOf(context: string, key: string): string {
    return partitionName(context, partitionIndex(key, countOf(context)))
  }

  function countOf(context: string): number {
    const count = counts.get(context)
    if (count === undefined) throw new MailxError('INTERNAL', `no context ${context} in this log`)
    return count
  }
}

const names = (context: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => partitionName(context, index))
