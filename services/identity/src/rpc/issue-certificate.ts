import { issueLeaf } from '@mailx/federation/peer-certificate'
import { unary } from '@mailx/grpc/unary'
import type {
  IssueCertificateRequest,
  IssueCertificateResponse,
} from '@mailx/proto/identity/v1/identity_service'
import { hostedDomain } from '../domain-key/create-domain.ts'
import { type DomainKeyDeps, ownKeyOf } from '../domain-key/domain-keys.ts'

export const issueCertificate = (deps: DomainKeyDeps) =>
  unary<IssueCertificateRequest, IssueCertificateResponse>(async (request) => {
    const hosted = await hostedDomain(deps, request.domain)
    const now = deps.now()
    const authority = await ownKeyOf(deps.vault, hosted, 'tls', now)
    const leaf = await issueLeaf({
      domain: hosted.domain,
      keyPair: authority,
      publicKeySpki: request.publicKeySpki,
      now,
    })
    return {
      certificate: leaf.certificate,
      caCertificate: authority.caCertificate,
      notBeforeUnixMs: BigInt(leaf.notBefore),
      notAfterUnixMs: BigInt(leaf.notAfter),
    }
  })
