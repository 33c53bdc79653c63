import type { Sql } from '@mailx/event-log/sql'
import { unary } from '@mailx/grpc/unary'
import type {
  ListDomainsRequest,
  ListDomainsResponse,
} from '@mailx/proto/identity/v1/identity_service'
import type { DocumentSettings } from '../deciders/domain-document.ts'
import { describeDomain } from './create-domain.ts'

type Deps = { readonly sql: Sql; readonly settingsOf: (domain: string) => DocumentSettings }

type Row = { domain: string; public_key: Uint8Array; created_at: string }

export const listDomains = ({ settingsOf, sql }: Deps) =>
  unary<ListDomainsRequest, ListDomainsResponse>(async () => {
    const { rows } = await sql.query<Row>(
      'select domain, public_key, created_at from identity.domains order by domain',
    )
    const domains = rows.map(({ created_at, domain, public_key }) =>
      describeDomain(
        { domain, publicKey: public_key, createdAt: Number(created_at) },
        settingsOf(domain),
      ),
    )
    return { domains }
  })
