import { MailxError } from '@mailx/errors/mailx-error'
import { GENESIS } from '@mailx/event-log/chain'
import type { EventLog, Head, StoredEvent } from '@mailx/event-log/event-log'
import { type ClientBase, escapeIdentifier, type Pool } from 'pg'
import {
  type Checkpoint,
  ensureCheckpointTables,
  loadCheckpoint,
  lockCheckpoints,
  setCheckpoint,
} from './checkpoint.ts'
import { decodePage, reasonOf } from './decode-page.ts'
import { isPassing } from './is-passing.ts'
import { parkEvent, unparkAll } from './parked-events.ts'
import type { Projection } from './projection.ts'
import { readPage } from './read-page.ts'
import { transaction } from './transaction.ts'

export type RebuildOptions = {
  readonly pool: Pool
  readonly log: EventLog
  readonly schema: string
  readonly projection: Projection
  readonly onProgress?: (partition: string, position: bigint, head: bigint) => void
}

const PAGE_EVENTS = 500

/**
 * Empties the projection's tables and fills them again from the start of the log, in one transaction:
 * readers see the old rows until all the new ones are there, and a failure leaves everything as it
 * was. The running processors of all replicas stand still meanwhile, because the transaction holds
 * their checkpoints, and go on from where the rebuild ends.
 *
 * 1. Lock the checkpoints of all partitions. 2. Delete rows and parked events. 3. Per partition, apply
 * everything up to the head; what cannot be applied is parked. 4. Move the checkpoints, commit.
 */
export async function rebuildProjection(options: RebuildOptions): Promise<void> {
  const { pool, log, schema, projection } = options
  const heads = (await log.heads()).filter(({ context }) => projection.contexts.includes(context))
  const partitions = heads.map(({ partition }) => partition)
  await ensureCheckpointTables(pool, schema)
  for (const partition of partitions) {
    await loadCheckpoint(pool, { schema, processor: projection.name, partition })
  }
  await transaction(pool, async (client) => {
    await client.query(
      'set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0',
    )
    await lockCheckpoints(client, schema, projection.name, partitions)
    await unparkAll(client, schema, projection.name)
    for (const table of projection.tables) await client.query(`delete from ${quoted(table)}`)
    for (const head of heads) {
      const end = await replayPartition(options, client, head)
      await setCheckpoint(
        client,
        { schema, processor: projection.name, partition: head.partition },
        end,
      )
    }
  })
}

async function replayPartition(
  { log, schema, projection, onProgress = () => {} }: RebuildOptions,
  client: ClientBase,
  head: Head,
): Promise<Checkpoint> {
  const { partition } = head
  let checkpoint: Checkpoint = { position: 0n, hash: GENESIS }
  while (checkpoint.position < head.position) {
    const limit = Math.min(PAGE_EVENTS, Number(head.position - checkpoint.position))
    const page = await readPage(log, checkpoint, limit, head)
    if (page === undefined) break
    await applyAll(client, schema, projection, partition, page.events)
    checkpoint = page.end
    onProgress(partition, checkpoint.position, head.position)
  }
  return checkpoint
}

/** Applies the events, in halves where they fail together, and parks those that fail alone. */
async function applyAll(
  client: ClientBase,
  schema: string,
  projection: Projection,
  partition: string,
  events: readonly StoredEvent[],
): Promise<void> {
  const { wanted, count, poison } = decodePage(projection, partition, events)
  const bad = events[count]
  if (bad !== undefined) {
    await applyAll(client, schema, projection, partition, events.slice(0, count))
    await park(bad, poison ?? 'not decodable')
    return applyAll(client, schema, projection, partition, events.slice(count + 1))
  }
  if (wanted.length === 0) return
  await client.query('savepoint page')
  try {
    await projection.apply(client, wanted)
    await client.query('release savepoint page')
  } catch (error) {
    if (isPassing(error)) throw error
    await client.query('rollback to savepoint page')
    const [only] = events
    if (events.length === 1 && only !== undefined) return park(only, reasonOf(error))
    const half = Math.ceil(events.length / 2)
    await applyAll(client, schema, projection, partition, events.slice(0, half))
    await applyAll(client, schema, projection, partition, events.slice(half))
  }

  async function park(event: StoredEvent, reason: string): Promise<void> {
    const processor = projection.name
    await parkEvent(client, schema, { processor, partition, event, reason, tries: 1 })
  }
}

/** `schema.table` or `table`, safe in a statement. */
function quoted(table: string): string {
  if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$/.test(table)) {
    throw new MailxError('INTERNAL', `a projection's table is named schema.table, not ${table}`)
  }
  return table.split('.').map(escapeIdentifier).join('.')
}
