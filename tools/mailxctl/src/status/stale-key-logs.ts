import { setTimeout as after } from 'node:timers/promises'
import type { Pool } from 'pg'

const OLD_MS = 60_000
/** Well above the time in which entries get a head, which is a second. */
const LOOK_AGAIN_MS = 3_000

type Row = { readonly domain: string; readonly size: number; readonly signedAt: number }

const unsigned = `
  select t.domain, coalesce(h.size, 0)::float8 as size, coalesce(h.signed_at, 0)::float8 as "signedAt"
    from transparency.trees t left join transparency.tree_heads h using (domain)
    where t.size > coalesce(h.size, 0)`

/**
 * Domains whose key log has entries, but no head for them, and gets none: the head is old, and while one
 * looks it stays.
 */
export async function staleKeyLogs(pool: Pool): Promise<string[]> {
  const look = async () => (await pool.query<Row>(unsigned)).rows
  const old = (await look()).filter(({ signedAt }) => Date.now() - signedAt > OLD_MS)
  if (old.length === 0) return []
  await after(LOOK_AGAIN_MS)
  const still = new Map((await look()).map(({ domain, size }) => [domain, size]))
  return old.filter(({ domain, size }) => still.get(domain) === size).map(({ domain }) => domain)
}
