import pg from 'pg'

// As much as the fastest case writes in half a minute.
export const SEGMENTS = 64

/**
 * Has Postgres keep WAL segments to use again, as one does that has run for a while. In a young one all
 * commits wait while a new segment is filled with zeros: 100 ms, every few seconds under load.
 * `renew` makes those that were used meanwhile usable again.
 */
export async function agedWal(url: string): Promise<{ renew(): Promise<void> }> {
  const renew = () => onServer(url, ['checkpoint'])
  const used = Array.from({ length: SEGMENTS }, () => [
    "select pg_logical_emit_message(false, 'bench', '')",
    'select pg_switch_wal()',
  ])
  await onServer(url, [
    "alter system set min_wal_size = '1GB'",
    'select pg_reload_conf()',
    ...used.flat(),
    'checkpoint',
  ])
  return { renew }
}

async function onServer(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: 'bench' })
  await client.connect()
  try {
    for (const statement of statements) await client.query(statement)
  } finally {
    await client.end()
  }
}
