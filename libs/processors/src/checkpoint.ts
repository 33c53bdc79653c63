import { byteaArray, int8Array, textArray } from '@mailx/event-log/binary-array'
import type { Statement, StatementError } from '@mailx/event-log/run-statements'
import type { Sql } from '@mailx/event-log/sql'
import { type ClientBase, escapeIdentifier, escapeLiteral, type QueryResult } from 'pg'

/** How far a processor has come: the last position applied, and the chain hash there. */
export type Checkpoint = { readonly position: bigint; readonly hash: Uint8Array }

/** A checkpoint row's key. */
export type CheckpointKey = {
  readonly schema: string
  readonly processor: string
  readonly partition: string
}

const DIVISION_BY_ZERO = '22012'

const table = (schema: string): string => `${escapeIdentifier(schema)}.checkpoints`

/** Creates the tables of the runner in a service's schema, if they are not there. */
export async function ensureCheckpointTables(sql: Sql, schema: string): Promise<void> {
  const name = escapeIdentifier(schema)
  // The last of them; a role that only uses them may not make them.
  const { rows } = await sql.query<{ there: boolean }>(
    'select to_regclass($1) is not null as there',
    [`${name}.operator_requests`],
  )
  if (rows[0]?.there === true) return
  // One implicit transaction. Without the lock, concurrent starts can collide in the catalogue.
  await sql.query(`
    select pg_advisory_xact_lock(hashtextextended(${escapeLiteral(`mailx.tables.${schema}`)}, 0));
    create schema if not exists ${name};
    create table if not exists ${name}.checkpoints (
      projection text not null,
      partition text not null,
      position bigint not null default 0,
      hash bytea not null default decode(repeat('00', 32), 'hex'),
      primary key (projection, partition)
    ) with (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
    create table if not exists ${name}.parked_events (
      processor text not null,
      partition text not null,
      position bigint not null,
      stream text not null,
      type text not null,
      reason text not null,
      tries int not null,
      parked_at bigint not null,
      primary key (processor, partition, position)
    );
    create table if not exists ${name}.operator_requests (
      id bigint generated always as identity primary key,
      processor text not null,
      action text not null,
      status text not null default 'waiting',
      progress text not null default ''
    )`)
}

type Row = { projection: string; partition: string; position: string; hash: Uint8Array }

export type StoredCheckpoint = Checkpoint & {
  readonly processor: string
  readonly partition: string
}

/** All checkpoints of a service, or of one of its processors. */
export async function readCheckpoints(
  sql: Sql,
  schema: string,
  processor?: string,
): Promise<StoredCheckpoint[]> {
  const { rows } = await sql.query<Row>(
    `select projection, partition, position, hash from ${table(schema)}
       where $1::text is null or projection = $1`,
    [processor ?? null],
  )
  return rows.map(({ projection, partition, position, hash }) => ({
    processor: projection,
    partition,
    position: BigInt(position),
    hash,
  }))
}

/** The checkpoint, created at the start of the log when there is none. */
export async function loadCheckpoint(sql: Sql, key: CheckpointKey): Promise<Checkpoint> {
  const { schema, processor, partition } = key
  await sql.query(
    `insert into ${table(schema)} (projection, partition) values ($1, $2) on conflict do nothing`,
    [processor, partition],
  )
  const { rows } = await sql.query<Row>(
    `select position, hash from ${table(schema)} where projection = $1 and partition = $2`,
    [processor, partition],
  )
  const [row] = rows
  if (row === undefined) throw new Error(`checkpoint of ${processor} in ${partition} disappeared`)
  return { position: BigInt(row.position), hash: row.hash }
}

/**
 * Begins a transaction that holds the checkpoint's row. False, and nothing begun, when the checkpoint
 * is not the expected one or somebody else holds it: another process, or a rebuild.
 */
export async function beginAt(
  client: ClientBase,
  key: CheckpointKey,
  expected: bigint,
): Promise<boolean> {
  // The commit need not wait for the disk: what is lost is applied again from the log.
  const results = (await client.query(`begin; set local synchronous_commit = off;
    select position from ${table(key.schema)} where ${whereKey(key)} for update skip locked`)) as unknown as QueryResult<{
    position: string
  }>[]
  const position = results[2]?.rows[0]?.position
  if (position === expected.toString()) return true
  await client.query('rollback')
  return false
}

/** Moves the checkpoint and commits what was begun with `beginAt`. */
export async function commitAt(
  client: ClientBase,
  key: CheckpointKey,
  { position, hash }: Checkpoint,
): Promise<void> {
  await client.query(
    `update ${table(key.schema)} set position = ${position}, hash = ${hex(hash)} where ${whereKey(key)};
     commit`,
  )
}

export type Move = {
  readonly partition: string
  readonly from: bigint
  readonly to: Checkpoint
}

/**
 * Moves a processor's checkpoints as the first statement of a transaction, which it fails with a
 * division by zero when one of them is not where it is expected, or somebody else holds it. Plans are
 * made once: for arrays Postgres would make those of the statements that follow anew each time.
 */
export function moveStatement(
  schema: string,
  processor: string,
  moves: readonly Move[],
): Statement {
  return {
    name: `processors.move-${schema}`,
    text: `with held as (
        select c.partition, m.position, m.hash
          from unnest($2::text[], $3::int8[], $4::int8[], $5::bytea[])
              as m(partition, expected, position, hash)
            join ${table(schema)} c on c.partition = m.partition and c.position = m.expected
          where c.projection = $1 for update of c skip locked
      ), moved as (
        update ${table(schema)} c set position = held.position, hash = held.hash
          from held, (select set_config('synchronous_commit', 'off', true),
              set_config('plan_cache_mode', 'force_generic_plan', true)) settings
          where c.projection = $1 and c.partition = held.partition
          returning 1
      )
      select 1 / (count(*) = cardinality($2))::int from moved`,
    values: [
      processor,
      textArray(moves.map(({ partition }) => partition)),
      int8Array(moves.map(({ from }) => from)),
      int8Array(moves.map(({ to }) => to.position)),
      byteaArray(moves.map(({ to }) => to.hash)),
    ],
  }
}

/** Whether an error is the one by which a `moveStatement`, sent first, says that it did not move. */
export const hasNotMoved = (error: unknown): boolean => {
  const { code, statement } = error as Partial<StatementError>
  return statement === 0 && code === DIVISION_BY_ZERO
}

/** Moves the checkpoint from where it is expected to be; false when it is not there. */
export async function moveCheckpoint(
  sql: Sql,
  { schema, processor, partition }: CheckpointKey,
  from: bigint,
  { position, hash }: Checkpoint,
): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update ${table(schema)} set position = $4, hash = $5
       from (select set_config('synchronous_commit', 'off', true)) relaxed
       where projection = $1 and partition = $2 and position = $3`,
    [processor, partition, from.toString(), position.toString(), hash],
  )
  return rowCount === 1
}

/** Waits until nobody moves these checkpoints, and keeps it so to the end of the transaction. */
export async function lockCheckpoints(
  client: ClientBase,
  schema: string,
  processor: string,
  partitions: readonly string[],
): Promise<void> {
  await client.query(
    `select 1 from ${table(schema)} where projection = $1 and partition = any($2)
       order by partition for update`,
    [processor, partitions],
  )
}

/** Puts a checkpoint that the transaction has locked anywhere. */
export async function setCheckpoint(
  client: ClientBase,
  { schema, processor, partition }: CheckpointKey,
  { position, hash }: Checkpoint,
): Promise<void> {
  await client.query(
    `update ${table(schema)} set position = $3, hash = $4 where projection = $1 and partition = $2`,
    [processor, partition, position.toString(), hash],
  )
}

const whereKey = ({ processor, partition }: CheckpointKey): string =>
  `projection = ${escapeLiteral(processor)} and partition = ${escapeLiteral(partition)}`

const hex = (bytes: Uint8Array): string => `'\\x${Buffer.from(bytes).toString('hex')}'`
