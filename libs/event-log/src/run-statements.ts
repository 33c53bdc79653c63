import type { ClientBase, Connection, Submittable } from 'pg'

/**
 * A prepared statement with its parameters: bytes go out as they are, in binary format; everything
 * else is text, as Postgres writes it. One name stands for one text.
 */
export type Statement = {
  readonly name: string
  readonly text: string
  readonly values: readonly (Buffer | string | null)[]
}

/** A row of text columns. */
export type TextRow = readonly (string | null)[]

/** What a statement returned; empty where it returns nothing. */
export type TextRows = readonly TextRow[]

/** An error of Postgres, with the index of the statement that it is about. */
export type StatementError = Error & { readonly code: string; readonly statement: number }

/**
 * Runs the statements in one round trip and one transaction, committed with the last of them: all or
 * nothing. The connection must not be in a transaction already. After a rejection it is to be closed:
 * nobody knows then which statements it has prepared.
 */
export function runStatements(
  client: ClientBase,
  statements: readonly Statement[],
): Promise<readonly TextRows[]> {
  return new Promise((resolve, reject) => {
    client.query(pipeline(statements, resolve, reject))
  })
}

/** What is used here of pg's connection; its published types are of an older version. */
type Wire = Pick<Connection, 'stream' | 'sync'> & {
  /** Text by name. */
  readonly parsedStatements: Record<string, string>
  parse(statement: { readonly name: string; readonly text: string }): void
  bind(portal: { readonly statement: string; readonly values: readonly unknown[] }): void
  execute(portal: object): void
}

/** One Sync at the end: Postgres takes everything before it as one transaction. */
function pipeline(
  statements: readonly Statement[],
  resolve: (results: TextRows[]) => void,
  reject: (error: unknown) => void,
): Submittable {
  const results: TextRow[][] = statements.map(() => [])
  const fresh = new Map<string, string>()
  let wire: Wire | undefined
  let current = 0
  const query = {
    submit(connection: Connection) {
      wire = connection as unknown as Wire
      wire.stream.cork()
      for (const { name, text, values } of statements) {
        if (wire.parsedStatements[name] === undefined && !fresh.has(name)) {
          fresh.set(name, text)
          wire.parse({ name, text })
        }
        wire.bind({ statement: name, values })
        wire.execute({})
      }
      wire.sync()
      wire.stream.uncork()
    },
    handleDataRow({ fields }: { readonly fields: TextRow }) {
      results[current]?.push(fields)
    },
    handleCommandComplete() {
      current += 1
    },
    handleError(error: Error) {
      reject(Object.assign(error, { statement: current }))
    },
    handleReadyForQuery() {
      if (wire !== undefined) Object.assign(wire.parsedStatements, Object.fromEntries(fresh))
      resolve(results)
    },
  }
  return query
}
