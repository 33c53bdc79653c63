import type { Sql } from '@mailx/event-log/sql'
import { type DirectoryEvent, directoryEvents } from '@mailx/events/directory'
import type { Recorded } from '@mailx/events/event'
import type { Projection } from '@mailx/processors/projection'

const discovered = `insert into directory.peers (domain, version, public_key, serial, source, dnssec)
    values ($1, $2, $3, $4, $5, $6)
  on conflict (domain) do update
    set version = excluded.version, public_key = excluded.public_key, serial = excluded.serial,
      source = excluded.source, dnssec = excluded.dnssec, quarantined_key = null,
      quarantined_at = null
    where peers.version < excluded.version`

const pinned = `insert into directory.peers (domain, version, pinned_key) values ($1, $2, $3)
  on conflict (domain) do update
    set version = excluded.version, pinned_key = excluded.pinned_key, quarantined_key = null,
      quarantined_at = null
    where peers.version < excluded.version`

const quarantined = `insert into directory.peers (domain, version, quarantined_key, quarantined_at)
    values ($1, $2, $3, $4)
  on conflict (domain) do update
    set version = excluded.version, quarantined_key = excluded.quarantined_key,
      quarantined_at = excluded.quarantined_at
    where peers.version < excluded.version`

/** Table directory.peers: what operators see of other domains. Changes are rare: row by row. */
export const peers: Projection<typeof directoryEvents> = {
  name: 'directory.peers',
  contexts: ['directory'],
  events: directoryEvents,
  tables: ['directory.peers'],
  async apply(sql, events) {
    for (const event of events) await applyOne(sql, event)
  },
}

async function applyOne(sql: Sql, event: Recorded<DirectoryEvent>): Promise<void> {
  const { type, version } = event
  switch (type) {
    case 'PeerDiscovered': {
      const { dnssec, domain, publicKey, serial, source } = event.data
      const values = [domain, version, publicKey, serial.toString(), source, dnssec]
      await sql.query(discovered, values)
      return
    }
    case 'PeerPinned':
      await sql.query(pinned, [event.data.domain, version, event.data.publicKey])
      return
    case 'PeerQuarantined': {
      const { domain, offeredKey, seenAtUnixMs } = event.data
      await sql.query(quarantined, [domain, version, offeredKey, seenAtUnixMs.toString()])
    }
  }
}
