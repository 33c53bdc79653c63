import type { ClientBase, Pool } from 'pg'

/** Runs `work` in a transaction: committed when it resolves, rolled back when it rejects. */
export async function transaction<T>(
  pool: Pool,
  work: (client: ClientBase) => Promise<T>,
): Promise<T> {
  return withClient(pool, async (client) => {
    await client.query('begin')
    const result = await work(client)
    await client.query('commit')
    return result
  })
}

/** Lends a connection; should `work` fail in a transaction, that one is rolled back. */
export async function withClient<T>(
  pool: Pool,
  work: (client: ClientBase) => Promise<T>,
): Promise<T> {
  const client = await pool.connect()
  let result: T
  try {
    result = await work(client)
  } catch (error) {
    // A connection that cannot even roll back is closed, which has the same effect.
    await client.query('rollback').then(
      () => client.release(),
      () => client.release(true),
    )
    throw error
  }
  client.release()
  return result
}
