import { userEvents } from '@mailx/events/identity'
import type { Projection } from '@mailx/processors/projection'

/** Table inbound.users: who has a mailbox here. */
export const users: Projection<typeof userEvents> = {
  name: 'inbound.users',
  contexts: ['identity'],
  events: userEvents,
  handles: ['UserRegistered'],
  tables: ['inbound.users'],
  async apply(sql, events) {
    await sql.query(
      'insert into inbound.users (address) select unnest($1::text[]) on conflict do nothing',
      [events.map(({ data }) => data.address)],
    )
  },
}
