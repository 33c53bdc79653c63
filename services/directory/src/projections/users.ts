import { MailxError } from '@mailx/errors/mailx-error'
import { byteaArray } from '@mailx/event-log/binary-array'
import type { Recorded } from '@mailx/events/event'
import { type UserEvent, userEvents } from '@mailx/events/identity'
import { leafKinds, leavesOf } from '@mailx/keys/key-log-leaf'
import { leafHash } from '@mailx/merkle/tree-hash'
import type { Projection } from '@mailx/processors/projection'
import { DeviceList, UserIdentity } from '@mailx/proto/keys/v1/keys'

const set = `insert into directory.users (address, domain, identity, identity_opening, identity_leaf,
    device_list, device_list_opening, device_list_leaf, leaf_at, version)
  select * from unnest($1::text[], $2::text[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[],
    $7::bytea[], $8::bytea[], $9::bigint[], $10::int[])
  on conflict (address) do update
    set identity = excluded.identity, identity_opening = excluded.identity_opening,
      identity_leaf = excluded.identity_leaf, device_list = excluded.device_list,
      device_list_opening = excluded.device_list_opening,
      device_list_leaf = excluded.device_list_leaf, leaf_at = excluded.leaf_at,
      version = excluded.version
    where users.version < excluded.version`

/** Table directory.users: what a key look-up of our users is answered from. */
export const users: Projection<typeof userEvents> = {
  name: 'directory.users',
  contexts: ['identity'],
  events: userEvents,
  handles: ['DeviceListPublished'],
  tables: ['directory.users'],
  async apply(sql, events) {
    // Of several events of one user in a batch, the last one counts.
    const newest = new Map(events.flatMap(rowOf).map((row) => [row.address, row]))
    const rows = [...newest.values()]
    await sql.query(set, [
      rows.map(({ address }) => address),
      rows.map(({ domain }) => domain),
      byteaArray(rows.map(({ identity }) => identity)),
      byteaArray(rows.map(({ identityOpening }) => identityOpening)),
      byteaArray(rows.map(({ identityLeaf }) => identityLeaf)),
      byteaArray(rows.map(({ deviceList }) => deviceList)),
      byteaArray(rows.map(({ deviceListOpening }) => deviceListOpening)),
      byteaArray(rows.map(({ deviceListLeaf }) => deviceListLeaf)),
      rows.map(({ leafAt }) => leafAt),
      rows.map(({ version }) => version),
    ])
  },
}

function rowOf(event: Recorded<UserEvent>) {
  if (event.type !== 'DeviceListPublished') return []
  const { address, deviceList, deviceListOpening, identity, identityOpening } = event.data
  const leaves = leavesOf(event)
  const hashOf = (kind: number) => {
    const found = leaves.find((leaf) => leaf.kind === kind)
    if (found === undefined) throw new MailxError('CORRUPT_LOG', 'a device list without its leaves')
    return leafHash(found.leaf)
  }
  if (deviceList === undefined || identity === undefined) {
    throw new MailxError('CORRUPT_LOG', 'DeviceListPublished without its list or identity')
  }
  return [
    {
      address,
      domain: identity.domain,
      identity: UserIdentity.encode(identity).finish(),
      identityOpening,
      identityLeaf: hashOf(leafKinds.userIdentity),
      deviceList: DeviceList.encode(deviceList).finish(),
      deviceListOpening,
      deviceListLeaf: hashOf(leafKinds.deviceList),
      leafAt: identity.createdAtUnixMs.toString(),
      version: event.version,
    },
  ]
}
