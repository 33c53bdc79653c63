import { byteaArray } from '@mailx/event-log/binary-array'
import { domainEvents } from '@mailx/events/identity'
import type { Projection } from '@mailx/processors/projection'

const set = `insert into directory.documents (domain, serial, document)
  select * from unnest($1::text[], $2::bigint[], $3::bytea[])
  on conflict (domain) do update set serial = excluded.serial, document = excluded.document
    where documents.serial < excluded.serial`

/** Table directory.documents: the well-known document that goes with the keys of our users. */
export const documents: Projection<typeof domainEvents> = {
  name: 'directory.documents',
  contexts: ['identity'],
  events: domainEvents,
  handles: ['DomainDocumentPublished'],
  tables: ['directory.documents'],
  async apply(sql, events) {
    const newest = new Map(
      events.flatMap((event) =>
        event.type === 'DomainDocumentPublished' ? [[event.data.domain, event.data] as const] : [],
      ),
    )
    const rows = [...newest.values()]
    await sql.query(set, [
      rows.map(({ domain }) => domain),
      rows.map(({ serial }) => serial.toString()),
      byteaArray(rows.map(({ document }) => document)),
    ])
  },
}
