import { byteaArray } from '@mailx/event-log/binary-array'
import { domainEvents } from '@mailx/events/identity'
import type { Projection } from '@mailx/processors/projection'

const add = `insert into identity.domains (domain, public_key, created_at)
  select * from unnest($1::text[], $2::bytea[], $3::bigint[])
  on conflict (domain) do nothing`

/** Table identity.domains: the hosted domains, for listing them and for looking after their keys. */
export const domains: Projection<typeof domainEvents> = {
  name: 'identity.domains',
  contexts: ['identity'],
  events: domainEvents,
  handles: ['DomainCreated'],
  tables: ['identity.domains'],
  async apply(sql, events) {
    const created = events.flatMap((event) => (event.type === 'DomainCreated' ? [event.data] : []))
    await sql.query(add, [
      created.map(({ domain }) => domain),
      byteaArray(created.map(({ publicKey }) => publicKey)),
      created.map(({ createdAtUnixMs }) => createdAtUnixMs.toString()),
    ])
  },
}
