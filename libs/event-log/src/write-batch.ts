import { crashAt } from '@mailx/config/crash-at'
import type { ClientBase, QueryConfig } from 'pg'
import { byteaArray, int4Array, int8Array, textArray } from './binary-array.ts'
import { type BatchPlan, type ChainEnd, distinctBlobs } from './plan-batch.ts'
import { readEvents } from './read-log.ts'
import type { Sql } from './sql.ts'

/** What `log.append_together` answered of one partition. */
export type Written =
  | { readonly outcome: 'appended' }
  | { readonly outcome: 'moved'; readonly head: ChainEnd }
  | { readonly outcome: 'conflict'; readonly actual: ReadonlyMap<string, number> }

type Row = {
  outcome: Written['outcome'] | 'held'
  heads: string[]
  head_hashes: Uint8Array[]
  actual_versions: number[]
}

const append = `select * from log.append_together($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13,
  $14, $15, $16, $17, $18, $19)`

const streamVersions = `select s.stream, (
    select e.version from log.events e where e.partition = $1 and e.stream = s.stream
      order by e.version desc limit 1) as version
  from unnest($2::text[]) as s(stream)`

/** After this long without an answer the connection is given up and the outcome is open. */
const ANSWER_TIMEOUT_MS = 10_000

/** One round trip: a transaction of its own unless the client is already in one. */
export async function writeBatch(client: ClientBase, plan: BatchPlan): Promise<Written> {
  const { outcome, heads, head_hashes, actual_versions } = await send(client, [plan])
  switch (outcome) {
    case 'appended':
      return { outcome }
    case 'moved': {
      const [[position = '0'], [hash = plan.start.hash]] = [heads, head_hashes]
      return { outcome, head: { position: BigInt(position), hash } }
    }
    case 'conflict': {
      const actual = [...plan.checks.keys()].map((s, i) => [s, actual_versions[i] ?? 0] as const)
      return { outcome, actual: new Map(actual) }
    }
    case 'held':
      throw new Error(`the only partition ${plan.partition} was not waited for`)
  }
}

/**
 * As `writeBatch`, for batches of different partitions: all of them are written, or none. It does not
 * wait for a partition to which somebody else is appending.
 */
export async function writeBatches(
  client: ClientBase,
  plans: readonly BatchPlan[],
): Promise<Row['outcome']> {
  const { outcome } = await send(client, plans)
  return outcome
}

async function send(client: ClientBase, plans: readonly BatchPlan[]): Promise<Row> {
  const checks = plans.flatMap((plan) => [...plan.checks])
  const events = plans.flatMap((plan) => plan.events)
  const blobs = distinctBlobs(plans.flatMap((plan) => plan.blobs))
  const query = {
    name: 'log.append-together',
    text: append,
    query_timeout: ANSWER_TIMEOUT_MS,
    values: [
      textArray(plans.map(({ partition }) => partition)),
      int8Array(plans.map(({ start }) => start.position)),
      byteaArray(plans.map(({ start }) => start.hash)),
      int8Array(plans.map(({ end }) => end.position)),
      byteaArray(plans.map(({ end }) => end.hash)),
      plans[0]?.recordedAt,
      textArray(plans.flatMap((plan) => filled(plan.partition, plan.checks.size))),
      textArray(checks.map(([stream]) => stream)),
      int4Array(checks.map(([, version]) => version)),
      textArray(plans.flatMap((plan) => filled(plan.partition, plan.events.length))),
      int8Array(events.map((event) => event.position)),
      textArray(events.map((event) => event.stream)),
      int4Array(events.map((event) => event.version)),
      textArray(events.map((event) => event.type)),
      byteaArray(events.map((event) => event.data)),
      byteaArray(events.map((event) => event.metadata)),
      byteaArray(events.map((event) => event.hash)),
      byteaArray(blobs.map((blob) => blob.hash)),
      byteaArray(blobs.map((blob) => blob.data)),
    ],
  }
  crashAt('log.before-send')
  const { rows } = await client.query<Row>(query)
  return rows[0] as Row
}

const filled = (text: string, count: number): string[] => Array.from({ length: count }, () => text)

/** Begins a transaction that holds the head row, so that nobody else appends until it ends. */
export async function lockHead(client: ClientBase, partition: string): Promise<ChainEnd> {
  const name = client.escapeLiteral(partition)
  const results = (await client.query({
    text: `begin; select head, head_hash from log.lock_head(${name})`,
    query_timeout: ANSWER_TIMEOUT_MS,
  } as QueryConfig)) as unknown as readonly { rows: { head: string; head_hash: Uint8Array }[] }[]
  const row = results[1]?.rows[0]
  if (row === undefined) throw new Error(`partition ${partition} has no head`)
  return { position: BigInt(row.head), hash: row.head_hash }
}

/** The current version of each stream; 0 for one that is not there. */
export async function readVersions(
  sql: Sql,
  partition: string,
  streams: readonly string[],
): Promise<Map<string, number>> {
  if (streams.length === 0) return new Map()
  const { rows } = await sql.query<{ stream: string; version: number | null }>(streamVersions, [
    partition,
    textArray(streams),
  ])
  return new Map(rows.map(({ stream, version }) => [stream, version ?? 0]))
}

/** Whether exactly this batch is in the log, given the locked head. */
export async function isWritten(
  sql: Sql,
  { partition, end }: BatchPlan,
  head: ChainEnd,
): Promise<boolean> {
  if (head.position < end.position) return false
  const [last] = await readEvents(sql, { partition, after: end.position - 1n, limit: 1 })
  return last !== undefined && Buffer.compare(last.hash, end.hash) === 0
}
