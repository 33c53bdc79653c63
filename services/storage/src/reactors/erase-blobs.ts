/**
 * Erases sealed bytes that nobody needs any more. One round:
 *
 * 1. One replica at a time, and nobody empties the read models meanwhile: the tables are held.
 * 2. Stop unless the read models know everything that happened before the grace period, and nothing is
 *    parked: what they do not show is then really not there.
 * 3. Take the next candidates: messages that their owners deleted, copies that other domains have had
 *    for a while, uploads that no message has named in time.
 * 4. Keep what a live entry, a pending copy or another attachment needs.
 * 5. Erase the rest, unless it was stored or named again within the grace period, and note how far
 *    this got. A crash before COMMIT: the round is done again.
 */

import { toHex } from '@mailx/crypto/encoding'
import { byteaArray } from '@mailx/event-log/binary-array'
import { deleteBlobs } from '@mailx/event-log/blobs'
import type { Sql } from '@mailx/event-log/sql'
import { counter } from '@mailx/telemetry/metrics'
import type pg from 'pg'
import { neededBlobs } from './needed-blobs.ts'

export type EraserConfig = {
  /** How long after a deletion the sealed bytes are erased. */
  readonly eraseAfterMs: number
  /** How long sealed bytes are kept after a peer took them: it may need them again. */
  readonly deliveredRetentionMs: number
  /** How long an upload may wait for the message that names it. */
  readonly orphanAfterMs: number
}

type Deps = {
  readonly pool: pg.Pool
  readonly config: EraserConfig
  readonly now: () => number
}

const ROUND = 500
/** The log renews the age of a blob that is stored again only when it is older than this. */
const AGE_PRECISION_MS = 60 * 60 * 1000

const erased = counter({
  name: 'mailx_storage_erased_blobs_total',
  help: 'Sealed blobs erased, by what made them unneeded.',
  labelNames: ['source'],
})

/** One round. How many candidates it dealt with: 0 when there is nothing to do now. */
export async function eraseBlobs({ pool, config, now }: Deps): Promise<number> {
  const client = await pool.connect()
  let broken = true
  try {
    await client.query('begin')
    const count = (await mayErase(client, config, now())) ? await round(client, config, now()) : 0
    await client.query('commit')
    broken = false
    return count
  } finally {
    // After a failure the connection is closed, which rolls back.
    client.release(broken)
  }
}

const tables = [
  'entries_submitted',
  'entries_received',
  'attachments_submitted',
  'attachments_received',
  'remote_copies',
  'outcomes',
  'entry_changes',
].map((table) => `storage.${table}`)

const behind = `
  with needs(context, projection) as (
    values ('submission', 'storage.submitted'), ('reception', 'storage.received'),
           ('delivery', 'storage.outcomes'), ('mailbox', 'storage.changes'))
  select exists (
    select from storage.parked_events k join needs n on n.projection = k.processor
  ) or exists (
    select from log.partitions p
      join needs n on n.context = p.context
      left join storage.checkpoints c on c.projection = n.projection and c.partition = p.name
      join log.events e on e.partition = p.name and e.position = coalesce(c.position, 0) + 1
      where e.recorded_at <= $1) as behind`

async function mayErase(sql: Sql, config: EraserConfig, now: number): Promise<boolean> {
  const lock = await sql.query<{ locked: boolean }>(
    `select pg_try_advisory_xact_lock(hashtextextended('storage.erase-blobs', 0)) as locked`,
  )
  if (!lock.rows[0]?.locked) return false
  await sql.query(
    `set local lock_timeout = '2s'; lock table ${tables.join(', ')} in access share mode`,
  )
  const known = now - Math.max(0, config.eraseAfterMs - AGE_PRECISION_MS)
  const { rows } = await sql.query<{ behind: boolean }>(behind, [known])
  return rows[0]?.behind === false
}

async function round(sql: Sql, config: EraserConfig, now: number): Promise<number> {
  const { eraseAfterMs, deliveredRetentionMs, orphanAfterMs } = config
  const byLog = { sql, storedBefore: now - eraseAfterMs }
  const counts = [
    await eraseSince('deleted', { ...byLog, changedBefore: now - eraseAfterMs }),
    await eraseSince('delivered', { ...byLog, changedBefore: now - deliveredRetentionMs }),
    await eraseOrphans(sql, now - orphanAfterMs),
  ]
  return counts.reduce((sum, count) => sum + count, 0)
}

// What the owners deleted, in the order of the log; one row per sealed blob.
const deletedAfter = `
  with done as (
    select ch.mailbox, ch.message_id, ch.partition, ch.position
      from log.partitions p
      left join storage.erased_until u on u.source = 'deleted' and u.partition = p.name
      cross join lateral (
        select * from storage.entry_changes c
          where c.deleted and c.partition = p.name and c.position > coalesce(u.position, 0)
            and c.changed_at <= $1
          order by c.position limit $2) ch
      where p.context = 'mailbox')
  select d.partition, d.position, b.hash
    from done d
    left join lateral (
      select * from storage.entries
        where mailbox = d.mailbox and message_id = d.message_id offset 0) e on true
    left join lateral (
      select e.content_hash as hash union all select e.envelope_hash
      union all select hash from storage.attachments where content_hash = e.content_hash) b on true`

const deliveredAfter = `
  with done as (
    select o.message_id, o.recipient, o.sender, o.partition, o.position
      from log.partitions p
      left join storage.erased_until u on u.source = 'delivered' and u.partition = p.name
      cross join lateral (
        select * from storage.outcomes o
          where o.state <> 'deferred' and o.partition = p.name
            and o.position > coalesce(u.position, 0) and o.changed_at <= $1
          order by o.position limit $2) o
      where p.context = 'delivery')
  select d.partition, d.position, b.hash
    from done d
    left join storage.remote_copies r
      on r.message_id = d.message_id and r.recipient = d.recipient and r.sender = d.sender
    left join lateral (
      select r.content_hash as hash union all select r.envelope_hash
      union all select hash from storage.attachments where content_hash = r.content_hash) b on true`

const candidates = { deleted: deletedAfter, delivered: deliveredAfter }

const advance = `
  insert into storage.erased_until (source, partition, position)
    select $1, partition, max(position) from unnest($2::text[], $3::int8[]) as n(partition, position)
      group by partition
    on conflict (source, partition) do update set position = excluded.position`

type Since = {
  readonly sql: Sql
  readonly changedBefore: number
  readonly storedBefore: number
}

async function eraseSince(source: keyof typeof candidates, since: Since): Promise<number> {
  const { sql, changedBefore, storedBefore } = since
  type Row = { partition: string; position: string; hash: Uint8Array | null }
  const { rows } = await sql.query<Row>(candidates[source], [changedBefore, ROUND])
  if (rows.length === 0) return 0
  const hashes = distinct(rows.flatMap(({ hash }) => (hash === null ? [] : [hash])))
  const needed = await neededBlobs(sql, hashes)
  const unneeded = hashes.filter((hash) => !needed.has(toHex(hash)))
  erased.inc({ source }, await deleteBlobs(sql, unneeded, storedBefore))
  await sql.query(advance, [
    source,
    rows.map(({ partition }) => partition),
    rows.map(({ position }) => position),
  ])
  return rows.length
}

/** An upload that was named in the end is an ordinary blob from now on. */
async function eraseOrphans(sql: Sql, storedBefore: number): Promise<number> {
  const { rows } = await sql.query<{ hash: Uint8Array }>(
    'select hash from mail.blobs where ahead and created_at < $1 order by created_at limit $2',
    [storedBefore, ROUND],
  )
  if (rows.length === 0) return 0
  const hashes = rows.map(({ hash }) => hash)
  const needed = await neededBlobs(sql, hashes)
  const unneeded = hashes.filter((hash) => !needed.has(toHex(hash)))
  erased.inc({ source: 'uploaded' }, await deleteBlobs(sql, unneeded, storedBefore))
  await sql.query(
    `update mail.blobs set ahead = false
       where hash = any($1::bytea[]) and ahead and created_at < $2`,
    [byteaArray(hashes.filter((hash) => needed.has(toHex(hash)))), storedBefore],
  )
  return rows.length
}

const distinct = (hashes: readonly Uint8Array[]): Uint8Array[] => [
  ...new Map(hashes.map((hash) => [toHex(hash), hash])).values(),
]
