import type { Sql } from '@mailx/event-log/sql'
import type { QueryResultRow } from 'pg'

type Statement = { readonly name: string; readonly text: string }

/** The rows of a prepared query. */
export async function query<Row extends QueryResultRow>(
  sql: Sql,
  statement: Statement,
  values: unknown[],
): Promise<Row[]> {
  return (await sql.query<Row>({ ...statement, values })).rows
}
