import { parseDomain } from '@mailx/address/domain'
import { utf8 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { unary } from '@mailx/grpc/unary'
import type {
  GetDomainDocumentRequest,
  GetDomainDocumentResponse,
} from '@mailx/proto/identity/v1/identity_service'
import type { DomainKeyDeps } from '../domain-key/domain-keys.ts'
import { publishDocument } from '../domain-key/publish-document.ts'

export const getDomainDocument = (deps: DomainKeyDeps) =>
  unary<GetDomainDocumentRequest, GetDomainDocumentResponse>(async (request) => {
    const { document } = await publishDocument(deps, parseDomain(request.domain))
    if (document === undefined) throw new MailxError('INTERNAL', 'no document was published')
    return {
      document: utf8(JSON.stringify(document)),
      serial: BigInt(document.serial),
      validUntilUnixMs: BigInt(Date.parse(document.validUntil)),
    }
  })
