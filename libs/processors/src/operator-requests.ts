import type { EventLog } from '@mailx/event-log/event-log'
import type { Sql } from '@mailx/event-log/sql'
import { escapeIdentifier, type Pool } from 'pg'
import { reasonOf } from './decode-page.ts'
import type { Projection } from './projection.ts'
import type { Reactor } from './reactor.ts'
import { rebuildProjection } from './rebuild-projection.ts'
import { replayParked } from './replay-parked.ts'
import { withClient } from './transaction.ts'

/** What an operator may ask of a service's processors. */
export type OperatorAction = 'rebuild' | 'replay'

export type OperatorRequest = {
  readonly id: bigint
  readonly processor: string
  readonly action: OperatorAction
  /** What it is at, or how it ended. */
  readonly progress: string
  readonly status: 'waiting' | 'running' | 'done' | 'failed'
}

const table = (schema: string): string => `${escapeIdentifier(schema)}.operator_requests`

/** Leaves a request for the service that owns the schema; any replica of it takes it within a second. */
export async function requestOperation(
  sql: Sql,
  schema: string,
  { processor, action }: { readonly processor: string; readonly action: OperatorAction },
): Promise<bigint> {
  const { rows } = await sql.query<{ id: string }>(
    `insert into ${table(schema)} (processor, action) values ($1, $2) returning id`,
    [processor, action],
  )
  return BigInt(rows[0]?.id ?? 0)
}

/** How a request is doing. */
export async function readOperation(
  sql: Sql,
  schema: string,
  id: bigint,
): Promise<OperatorRequest | undefined> {
  const { rows } = await sql.query<Omit<OperatorRequest, 'id'>>(
    `select processor, action, progress, status from ${table(schema)} where id = $1`,
    [id.toString()],
  )
  const [row] = rows
  return row && { ...row, id }
}

export type OperatorOptions = {
  readonly pool: Pool
  readonly log: EventLog
  readonly schema: string
  readonly projections: readonly Projection[]
  readonly reactors: readonly Reactor[]
}

/**
 * Carries out the requests that wait, one after the other. Each is held by a session lock, so that
 * another replica takes it over when this one dies in the middle: both actions may be begun again.
 */
export async function answerOperator(options: OperatorOptions): Promise<void> {
  const { pool, schema } = options
  const { rows } = await pool.query<{ id: string; processor: string; action: OperatorAction }>(
    `select id, processor, action from ${table(schema)}
       where status in ('waiting', 'running') order by id`,
  )
  for (const { id, processor, action } of rows) {
    await withClient(pool, async (client) => {
      const lock = [`mailx.operator.${schema}.${id}`]
      const { rows: locked } = await client.query<{ mine: boolean }>(
        'select pg_try_advisory_lock(hashtextextended($1, 0)) as mine',
        lock,
      )
      if (locked[0]?.mine !== true) return
      try {
        await carryOut(options, id, processor, action)
      } finally {
        await client.query('select pg_advisory_unlock(hashtextextended($1, 0))', lock)
      }
    })
  }
}

async function carryOut(
  options: OperatorOptions,
  id: string,
  processor: string,
  action: OperatorAction,
): Promise<void> {
  const { pool, schema } = options
  const note = async (status: OperatorRequest['status'], progress: string) => {
    await pool.query(
      `update ${table(schema)} set status = $2, progress = $3
         where id = $1 and status in ('waiting', 'running')`,
      [id, status, progress],
    )
  }
  await note('running', 'started')
  try {
    const outcome =
      action === 'rebuild' ? await rebuild(options, processor) : await replay(options, processor)
    await note('done', outcome)
  } catch (error) {
    await note('failed', reasonOf(error))
  }
}

async function rebuild(options: OperatorOptions, name: string): Promise<string> {
  const projection = options.projections.find((candidate) => candidate.name === name)
  if (projection === undefined) throw new Error(`there is no projection ${name} in this service`)
  let applied = 0n
  const { pool, log, schema } = options
  const positions = new Map<string, bigint>()
  await rebuildProjection({
    pool,
    log,
    schema,
    projection,
    onProgress: (partition, position) => {
      positions.set(partition, position)
      applied = [...positions.values()].reduce((sum, one) => sum + one, 0n)
    },
  })
  return `rebuilt from ${applied} events`
}

async function replay(options: OperatorOptions, name: string): Promise<string> {
  const all = [...options.projections, ...options.reactors]
  const processor = all.find((candidate) => candidate.name === name)
  if (processor === undefined) throw new Error(`there is no processor ${name} in this service`)
  const { pool, log, schema } = options
  const { applied, failed } = await replayParked({ pool, log, schema, processor })
  return `${applied.length} applied, ${failed.length} still parked`
}
