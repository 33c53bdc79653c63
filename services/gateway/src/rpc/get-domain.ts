import { parseDomain } from '@mailx/address/domain'
import { unary } from '@mailx/grpc/unary'
import type { GetDomainRequest, GetDomainResponse } from '@mailx/proto/client/v1/client_service'
import type { GatewayDeps } from './gateway-deps.ts'

type Deps = Pick<GatewayDeps, 'documentOf' | 'limits'>

/** The well-known document of a domain that is hosted here. */
export const getDomain = ({ documentOf, limits }: Deps) =>
  unary<GetDomainRequest, GetDomainResponse>(async ({ domain }, call) => {
    await limits.stranger(call)
    return { document: await documentOf(parseDomain(domain)) }
  })
