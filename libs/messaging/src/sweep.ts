import { crashAt } from '@mailx/config/crash-at'
import { MailxError } from '@mailx/errors/mailx-error'
import { firstBreak, GENESIS } from '@mailx/event-log/chain'
import type { EventLog, Head } from '@mailx/event-log/event-log'
import type { ClientBase, Pool } from 'pg'
import { republishedEvents } from './bus-metrics.ts'
import { markPublished } from './mark-published.ts'
import type { Publish } from './publish.ts'

export type SweeperOptions = {
  readonly pool: Pool
  readonly log: EventLog
  readonly contexts: readonly string[]
  readonly publish: Publish
}

const LOCK = 'pg_try_advisory_lock(hashtextextended($1, 0))'
const UNLOCK = 'pg_advisory_unlock(hashtextextended($1, 0))'
const PAGE_EVENTS = 500
const PAGES_PER_SWEEP = 20

/**
 * A function that publishes what was committed before its previous call and is still not marked as
 * published; at its first call, everything unmarked. Does nothing while another process sweeps the
 * same contexts.
 */
export function sweeper({ pool, log, contexts, publish }: SweeperOptions): () => Promise<void> {
  let overdue = new Map<string, bigint>()
  const lock = [`mailx.relay.sweep/${contexts.toSorted().join()}`]
  const ownHeads = async () =>
    (await log.heads()).filter(({ context }) => contexts.includes(context))

  return async () => {
    const heads = await ownHeads()
    const late = heads.some(
      ({ partition, published, position }) => published < (overdue.get(partition) ?? position),
    )
    if (late) await withSweepLock(sweepPartitions)
    overdue = new Map(heads.map(({ partition, position }) => [partition, position]))
  }

  async function sweepPartitions(client: ClientBase): Promise<void> {
    for (const head of await ownHeads()) {
      const upTo = overdue.get(head.partition) ?? head.position
      if (head.published < upTo) await sweepPartition(client, head, upTo)
    }
  }

  async function sweepPartition(client: ClientBase, head: Head, upTo: bigint): Promise<void> {
    const { context, partition } = head
    let { published } = head
    let previousHash = await hashAt(partition, published)
    for (let page = 0; page < PAGES_PER_SWEEP && published < upTo; page += 1) {
      const limit = Math.min(PAGE_EVENTS, Number(upTo - published))
      const events = await log.read({ partition, after: published, limit })
      const last = events.at(-1)
      const whole = last?.position === published + BigInt(events.length)
      if (!last || !whole || firstBreak(previousHash, partition, events) !== undefined) {
        throw corrupt(partition, published)
      }
      const firstPosition = published + 1n
      crashAt('sweep.before-publish')
      await publish({ context, partition, firstPosition, previousHash, hash: last.hash, events })
      crashAt('sweep.after-publish')
      await markPublished(client, [{ partition, first: firstPosition, last: last.position }])
      crashAt('sweep.after-mark')
      republishedEvents.inc({ context }, events.length)
      published = last.position
      previousHash = last.hash
    }
  }

  async function hashAt(partition: string, position: bigint): Promise<Uint8Array> {
    if (position === 0n) return GENESIS
    const [event] = await log.read({ partition, after: position - 1n, limit: 1 })
    if (event?.position !== position) throw corrupt(partition, position - 1n)
    return event.hash
  }

  async function withSweepLock(work: (client: ClientBase) => Promise<void>): Promise<void> {
    const client = await pool.connect()
    let failed = true
    try {
      const { rows } = await client.query<{ locked: boolean }>(`select ${LOCK} as locked`, lock)
      if (rows[0]?.locked) {
        await work(client)
        await client.query(`select ${UNLOCK}`, lock)
      }
      failed = false
    } finally {
      // Closing the connection gives the lock back, too.
      client.release(failed)
    }
  }
}

const corrupt = (partition: string, after: bigint): MailxError =>
  new MailxError(
    'CORRUPT_LOG',
    `partition ${partition} is broken after position ${after}: verify it`,
  )
