import { MailxError } from '@mailx/errors/mailx-error'
import type { Sql } from '@mailx/event-log/sql'

export type StoredCheckpoint = {
  readonly size: number
  readonly root: Uint8Array
  readonly note: string
}

/** The newest checkpoint of a domain. Throws NOT_FOUND before the first one. */
export async function newestCheckpoint(sql: Sql, domain: string): Promise<StoredCheckpoint> {
  const { rows } = await sql.query<{ size: string; root: Uint8Array; note: string }>(
    'select size, root, note from transparency.tree_heads where domain = $1',
    [domain],
  )
  const [row] = rows
  if (row !== undefined) return { ...row, size: Number(row.size) }
  throw new MailxError('NOT_FOUND', `there is no checkpoint of ${domain} yet; try again shortly`, {
    retryAfterMs: 1_000,
  })
}
