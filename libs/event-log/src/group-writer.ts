import type { Pool } from 'pg'
import type { Batch } from './group-commit.ts'
import { splitGroups } from './log-metrics.ts'
import type { PartitionWriter } from './partition-writer.ts'
import type { PendingAppend } from './pending-append.ts'
import type { BatchPlan } from './plan-batch.ts'
import { isRefusal } from './postgres-error.ts'
import { writeBatches } from './write-batch.ts'

/** Of all of it together. unknown: the connection broke after sending. */
type Outcome = Awaited<ReturnType<typeof writeBatches>> | 'refused' | 'unknown'

export type GroupWriterOptions = {
  readonly pool: Pool
  readonly writerOf: (partition: string) => PartitionWriter
  readonly now: () => number
}

/**
 * Writes batches of different partitions in one transaction, which costs little more than one of them
 * alone. Anything but its success, of all of them, is left to the partitions' own writers: each then
 * writes for itself, and what one of them runs into is none of the others' business.
 *
 * The returned function answers with a promise for each batch, in their order: resolved when that
 * partition is done. None rejects.
 */
export function groupWriter({
  pool,
  writerOf,
  now,
}: GroupWriterOptions): (batches: readonly Batch<PendingAppend>[]) => readonly Promise<void>[] {
  return (batches) => {
    const recordedAt = now()
    const plans = batches.map(({ partition, items }) => writerOf(partition).plan(items, recordedAt))
    const together = plans.filter((plan) => plan !== undefined)
    if (together.length < 2) {
      return batches.map(({ partition, items }) => writerOf(partition).settle(items))
    }
    const outcome = write(together)
    return batches.map(({ partition, items }, index) =>
      finish(writerOf(partition), items, plans[index], outcome),
    )
  }

  async function write(plans: readonly BatchPlan[]): Promise<Outcome> {
    let isSent = false
    try {
      const client = await pool.connect()
      try {
        isSent = true
        const outcome = await writeBatches(client, plans)
        client.release()
        if (outcome !== 'appended') splitGroups.inc({ reason: outcome })
        return outcome
      } catch (error) {
        // Not worth asking in which state it is: a new connection is clean.
        client.release(true)
        throw error
      }
    } catch (error) {
      const outcome = isSent && !isRefusal(error) ? 'unknown' : 'refused'
      splitGroups.inc({ reason: outcome })
      return outcome
    }
  }
}

async function finish(
  writer: PartitionWriter,
  items: readonly PendingAppend[],
  plan: BatchPlan | undefined,
  outcome: Promise<Outcome>,
): Promise<void> {
  if (plan === undefined) return writer.settle(items)
  switch (await outcome) {
    case 'appended':
      return writer.written(plan)
    case 'unknown':
      return writer.settle(items, plan)
    case 'moved':
    case 'held':
    case 'conflict':
    case 'refused':
      return writer.settle(items)
  }
}
