import { domainEvents } from '@mailx/events/identity'
import type { Projection } from '@mailx/processors/projection'

const add = `
  insert into gateway.domains (domain, position)
    select * from unnest($1::text[], $2::int8[])
    on conflict do nothing`

/** Table gateway.domains: which domains are hosted here. */
export const hostedDomains = (afterCommit: () => void): Projection<typeof domainEvents> => ({
  name: 'gateway.hosted-domains',
  contexts: ['identity'],
  events: domainEvents,
  handles: ['DomainCreated'],
  tables: ['gateway.domains'],
  async apply(sql, events) {
    await sql.query(add, [
      events.map(({ data }) => data.domain),
      events.map(({ position }) => position.toString()),
    ])
  },
  afterCommit,
})
