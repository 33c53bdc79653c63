import type { ClientBase } from 'pg'

/** What runs a statement: a pool, a client, or the transaction a projection is given. */
export type Sql = Pick<ClientBase, 'query'>
