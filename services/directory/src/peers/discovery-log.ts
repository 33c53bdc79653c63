import type { Sql } from '@mailx/event-log/sql'
import { Peer } from '@mailx/proto/directory/v1/directory_service'

/** How the last discovery of a domain went. */
export type Discovery = {
  /** The last good answer; good until its own expiry. */
  readonly peer: Peer | undefined
  /** Since the last good answer. */
  readonly failures: number
  /** After failures: when to try again, and what to say until then. */
  readonly retryAt: number
  readonly code: string
  readonly message: string
}

export type DiscoveryLog = {
  read(domain: string): Promise<Discovery | undefined>
  write(domain: string, discovery: Discovery): Promise<void>
  forget(domain: string): Promise<void>
}

type Row = {
  peer: Uint8Array | null
  failures: number
  retry_at: string
  code: string
  message: string
}

/** Table directory.discoveries: what is known when Redis knows nothing. */
export const discoveryLog = (sql: Sql): DiscoveryLog => ({
  read: async (domain) => {
    const { rows } = await sql.query<Row>(
      'select peer, failures, retry_at, code, message from directory.discoveries where domain = $1',
      [domain],
    )
    const [row] = rows
    if (row === undefined) return undefined
    const { code, failures, message, peer, retry_at } = row
    return {
      peer: peer === null ? undefined : Peer.decode(peer),
      failures,
      retryAt: Number(retry_at),
      code,
      message,
    }
  },
  write: async (domain, { code, failures, message, peer, retryAt }) => {
    await sql.query(
      `insert into directory.discoveries as d (domain, peer, failures, retry_at, code, message)
         values ($1, $2, $3, $4, $5, $6)
       on conflict (domain) do update
         set peer = excluded.peer, failures = excluded.failures, retry_at = excluded.retry_at,
           code = excluded.code, message = excluded.message`,
      [
        domain,
        peer === undefined ? null : Peer.encode(peer).finish(),
        failures,
        retryAt,
        code,
        message,
      ],
    )
  },
  forget: async (domain) => {
    await sql.query('delete from directory.discoveries where domain = $1', [domain])
  },
})
