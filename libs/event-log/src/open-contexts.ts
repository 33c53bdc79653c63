import { contexts } from '@mailx/events/contexts'
import type { Pool } from 'pg'
import { answer } from './postgres-error.ts'

export type ContextOptions = {
  /** Context → how many partitions it gets if it is new. Left out: all contexts of MailX. */
  readonly contexts?: { readonly [context: string]: number }
  /**
   * How many partitions a new context gets that may have several. Left out: nothing is created, and
   * only what exists can be opened; for tools that look at a log.
   */
  readonly partitions?: number
}

const defaultContexts = (many: number): { [context: string]: number } =>
  Object.fromEntries(
    Object.entries(contexts).map(([name, context]) => [
      name,
      context.partitions === 'one' ? 1 : many,
    ]),
  )

const create = `with wanted as (
    select * from unnest($1::text[], $2::int[]) as w(name, partitions)
  ), created as (
    insert into log.contexts select name, partitions from wanted order by name
      on conflict do nothing
      returning name, partitions
  )
  insert into log.partitions (name, context)
    select c.name || '-' || i, c.name from created c, generate_series(0, c.partitions - 1) i`

const existing = 'select name, partitions from log.contexts where name = any($1)'

/**
 * How many partitions each context has. Creates those contexts that are missing, and writes nothing
 * otherwise: a read-only log can be opened.
 */
export async function openContexts(
  pool: Pool,
  options: ContextOptions,
): Promise<Map<string, number>> {
  const { partitions } = options
  const wanted = options.contexts ?? defaultContexts(partitions ?? 1)
  const wantedNames = Object.keys(wanted)
  const read = async () => {
    const { rows } = await answer(
      pool.query<{ name: string; partitions: number }>(existing, [wantedNames]),
    )
    return new Map(rows.map((row) => [row.name, row.partitions]))
  }
  const found = await read()
  if (found.size === wantedNames.length || partitions === undefined) return found
  await answer(pool.query(create, [wantedNames, Object.values(wanted)]))
  return read()
}
