import { textArray } from '@mailx/event-log/binary-array'
import type { Sql } from '@mailx/event-log/sql'

export type UserRow = {
  readonly address: string
  readonly domain: string
  readonly identity: Uint8Array
  readonly identity_opening: Uint8Array
  readonly identity_leaf: Uint8Array
  readonly device_list: Uint8Array
  readonly device_list_opening: Uint8Array
  readonly device_list_leaf: Uint8Array
  readonly leaf_at: string
  /** The domain's well-known document. */
  readonly document: Uint8Array
}

/** The users that exist, in no order. */
export async function readUsers(sql: Sql, addresses: readonly string[]): Promise<UserRow[]> {
  const { rows } = await sql.query<UserRow>(
    `select u.*, d.document from directory.users u join directory.documents d using (domain)
       where u.address = any($1::text[])`,
    [textArray(addresses)],
  )
  return rows
}

/** Any one user of the domain, always the same while there are users. */
export async function readDecoy(sql: Sql, domain: string): Promise<UserRow | undefined> {
  const { rows } = await sql.query<UserRow>(
    `select u.*, d.document from directory.users u join directory.documents d using (domain)
       where u.domain = $1 order by u.address limit 1`,
    [domain],
  )
  return rows[0]
}
