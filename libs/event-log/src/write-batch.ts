import { crashAt } from '@mailx/config/crash-at'
import type { ClientBase, QueryConfig } from 'pg'
import { byteaArray, int4Array, textArray } from './binary-array.ts'
import type { BatchPlan, ChainEnd } from './plan-batch.ts'
import { readEvents } from './read-log.ts'
import type { Sql } from './sql.ts'

/** What `log.append` answered. */
export type Written =
  | { readonly outcome: 'appended' }
  | { readonly outcome: 'moved'; readonly head: ChainEnd }
  | { readonly outcome: 'conflict'; readonly actual: ReadonlyMap<string, number> }

type Row = {
  outcome: 'appended' | 'moved' | 'conflict'
  head: string
  head_hash: Uint8Array
  actual_versions: number[]
}

const append = `select * from log.append($1, $2, $3, $4, $5::text[], $6::int[], $7::text[],
  $8::int[], $9::text[], $10::bytea[], $11::bytea[], $12::bytea[], $13::bytea[], $14::bytea[])`

const streamVersions = `select s.stream, (
    select e.version from log.events e where e.partition = $1 and e.stream = s.stream
      order by e.version desc limit 1) as version
  from unnest($2::text[]) as s(stream)`

/** After this long without an answer the connection is given up and the outcome is open. */
const ANSWER_TIMEOUT_MS = 10_000

/** One round trip: a transaction of its own unless the client is already in one. */
export async function writeBatch(
  client: ClientBase,
  partition: string,
  plan: BatchPlan,
): Promise<Written> {
  const { start, recordedAt, events, blobs, checks } = plan
  const query = {
    name: 'log.append',
    text: append,
    query_timeout: ANSWER_TIMEOUT_MS,
    values: [
      partition,
      start.position.toString(),
      start.hash,
      recordedAt,
      textArray([...checks.keys()]),
      int4Array([...checks.values()]),
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
  const row = rows[0] as Row
  switch (row.outcome) {
    case 'appended':
      return { outcome: 'appended' }
    case 'moved':
      return { outcome: 'moved', head: { position: BigInt(row.head), hash: row.head_hash } }
    case 'conflict': {
      const actual = [...checks.keys()].map((s, i) => [s, row.actual_versions[i] ?? 0] as const)
      return { outcome: 'conflict', actual: new Map(actual) }
    }
  }
}

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
  partition: string,
  plan: BatchPlan,
  head: ChainEnd,
): Promise<boolean> {
  const { end } = plan
  if (head.position < end.position) return false
  const [last] = await readEvents(sql, { partition, after: end.position - 1n, limit: 1 })
  return last !== undefined && Buffer.compare(last.hash, end.hash) === 0
}
