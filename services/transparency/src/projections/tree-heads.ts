import { byteaArray } from '@mailx/event-log/binary-array'
import { transparencyEvents } from '@mailx/events/transparency'
import type { Projection } from '@mailx/processors/projection'

const set = `insert into transparency.tree_heads
    (domain, size, root, note, kid, signed_at, version, position)
  select * from unnest($1::text[], $2::bigint[], $3::bytea[], $4::text[], $5::text[],
    $6::bigint[], $7::int[], $8::bigint[])
  on conflict (domain) do update
    set size = excluded.size, root = excluded.root, note = excluded.note, kid = excluded.kid,
      signed_at = excluded.signed_at, version = excluded.version, position = excluded.position
    where tree_heads.version < excluded.version`

/** Table transparency.tree_heads: the newest checkpoint of each domain, which proofs lead to. */
export const treeHeads: Projection<typeof transparencyEvents> = {
  name: 'transparency.tree-heads',
  contexts: ['transparency'],
  events: transparencyEvents,
  handles: ['CheckpointSigned'],
  tables: ['transparency.tree_heads'],
  async apply(sql, events) {
    // Only the last one of a domain stays.
    const newest = new Map(events.map((event) => [event.data.domain, event]))
    const rows = [...newest.values()]
    await sql.query(set, [
      rows.map(({ data }) => data.domain),
      rows.map(({ data }) => data.size.toString()),
      byteaArray(rows.map(({ data }) => data.root)),
      rows.map(({ data }) => data.note),
      rows.map(({ data }) => data.kid),
      rows.map(({ data }) => data.signedAtUnixMs.toString()),
      rows.map(({ version }) => version),
      rows.map(({ position }) => position.toString()),
    ])
  },
}
