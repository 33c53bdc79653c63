import { unary } from '@mailx/grpc/unary'
import { formatTxt } from '@mailx/keys/txt-record'
import type {
  CreateDomainRequest,
  CreateDomainResponse,
} from '@mailx/proto/identity/v1/identity_service'
import type { DocumentSettings } from '../deciders/domain-document.ts'
import { createDomain as create } from '../domain-key/create-domain.ts'
import type { DomainKeyDeps } from '../domain-key/domain-keys.ts'

type Deps = DomainKeyDeps & {
  /** Waits until ListDomains shows the domain. */
  readonly untilListed: (domain: string) => Promise<void>
}

export const createDomain = (deps: Deps) =>
  unary<CreateDomainRequest, CreateDomainResponse>(async (request) => {
    const { createdAt, domain, publicKey } = await create(deps, request.domain)
    await deps.untilListed(domain)
    return describeDomain({ domain, publicKey, createdAt }, deps.settingsOf(domain))
  })

/** What an operator needs of a domain: above all the record to publish. */
export function describeDomain(
  hosted: { readonly domain: string; readonly publicKey: Uint8Array; readonly createdAt: number },
  settings: DocumentSettings,
): CreateDomainResponse {
  const { hostname, port } = new URL(settings.endpoints.http)
  const endpoint = { host: hostname, port: Number(port || 443) }
  return {
    domain: hosted.domain,
    publicKey: hosted.publicKey,
    createdAtUnixMs: BigInt(hosted.createdAt),
    txtRecord: formatTxt({ publicKeys: [hosted.publicKey], endpoint }),
  }
}
