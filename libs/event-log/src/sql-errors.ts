import type { QueryConfig, QueryResult } from 'pg'
import { fromPostgresError } from './postgres-error.ts'
import type { Sql } from './sql.ts'

/** The same, but failures are the MailxErrors that a caller may see: UNAVAILABLE, STORAGE_FULL. */
export const withSqlErrors = (sql: Sql): Sql => ({
  query: (async (query: string | QueryConfig, values?: unknown[]): Promise<QueryResult> => {
    try {
      return await sql.query(query, values)
    } catch (error) {
      throw fromPostgresError(error)
    }
  }) as Sql['query'],
})
