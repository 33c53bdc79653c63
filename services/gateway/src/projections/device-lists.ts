import { userEvents } from '@mailx/events/identity'
import type { Projection } from '@mailx/processors/projection'

const keep = `
  insert into gateway.device_lists as l (address, version, device_ids, published_at, position)
    values ($1, $2, $3, $4, $5)
    on conflict (address) do update
      set version = excluded.version, device_ids = excluded.device_ids,
          published_at = excluded.published_at, position = excluded.position
      where l.version < excluded.version`

/**
 * Table gateway.device_lists: the newest list of users who changed theirs. A first list revokes
 * nothing, and neither does the renewal of an attestation, which repeats the list.
 */
export const deviceLists = (afterCommit: () => void): Projection<typeof userEvents> => ({
  name: 'gateway.device-lists',
  contexts: ['identity'],
  events: userEvents,
  handles: ['DeviceListPublished'],
  tables: ['gateway.device_lists'],
  async apply(sql, events) {
    for (const { type, data, position, recordedAt } of events) {
      if (type !== 'DeviceListPublished' || data.deviceList === undefined) continue
      const { version, devices } = data.deviceList
      if (version < 2) continue
      const ids = devices.map(({ id }) => Buffer.from(id))
      await sql.query(keep, [data.address, version, ids, recordedAt, position.toString()])
    }
  },
  afterCommit,
})
