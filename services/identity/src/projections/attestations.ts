import { userEvents } from '@mailx/events/identity'
import type { Projection } from '@mailx/processors/projection'

const set = `insert into identity.attestations (address, domain, expires_at, version)
  select * from unnest($1::text[], $2::text[], $3::bigint[], $4::int[])
  on conflict (address) do update
    set expires_at = excluded.expires_at, version = excluded.version
    where attestations.version < excluded.version`

/** Table identity.attestations: when each user's newest attestation ends, for renewing it in time. */
export const attestations: Projection<typeof userEvents> = {
  name: 'identity.attestations',
  contexts: ['identity'],
  events: userEvents,
  handles: ['DeviceListPublished'],
  tables: ['identity.attestations'],
  async apply(sql, events) {
    // The last event of a user in the batch is the one that counts.
    const newest = new Map<string, { domain: string; expiresAt: bigint; version: number }>()
    for (const { data, type, version } of events) {
      if (type !== 'DeviceListPublished' || data.identity === undefined) continue
      const { domain, expiresAtUnixMs } = data.identity
      newest.set(data.address, { domain, expiresAt: expiresAtUnixMs, version })
    }
    const rows = [...newest.values()]
    await sql.query(set, [
      [...newest.keys()],
      rows.map(({ domain }) => domain),
      rows.map(({ expiresAt }) => expiresAt.toString()),
      rows.map(({ version }) => version),
    ])
  },
}
