import { readdir, readFile } from 'node:fs/promises'
import type { Backend } from '@mailx/backends/backend'
import pg from 'pg'

/** The server's own process and those that work for its clients. */
export async function postgresPids({ pid }: Backend): Promise<readonly number[]> {
  if (pid === undefined) throw new Error('Postgres does not run')
  const all = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number)
  const parents = await Promise.all(all.map(async (one) => ({ one, parent: await parentOf(one) })))
  return [pid, ...parents.filter(({ parent }) => parent === pid).map(({ one }) => one)]
}

/** The fourth field of its state; the second one is a name in parentheses that may hold anything. */
async function parentOf(pid: number): Promise<number | undefined> {
  try {
    const state = await readFile(`/proc/${pid}/stat`, 'latin1')
    return Number(state.slice(state.lastIndexOf(')') + 2).split(' ')[1])
  } catch {
    // It has ended.
    return undefined
  }
}

/** Sessions that are open follow at once. */
export async function setReadOnly(url: string, readOnly: boolean): Promise<void> {
  const client = new pg.Client({
    connectionString: url,
    options: '-c default_transaction_read_only=off',
  })
  await client.connect()
  try {
    await client.query(`alter system set default_transaction_read_only = ${readOnly}`)
    await client.query('select pg_reload_conf()')
  } finally {
    await client.end()
  }
}
