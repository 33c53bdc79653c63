import { equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { unary } from '@mailx/grpc/unary'
import { checkSigningKey } from '@mailx/keys/check-key'
import type {
  CertifyOperationalKeyRequest,
  CertifyOperationalKeyResponse,
} from '@mailx/proto/identity/v1/identity_service'
import { certifyKey } from '../domain-key/certify-key.ts'
import { hostedDomain } from '../domain-key/create-domain.ts'
import type { DomainKeyDeps } from '../domain-key/domain-keys.ts'
import { publishDocument } from '../domain-key/publish-document.ts'

export const certifyOperationalKey = (deps: DomainKeyDeps) =>
  unary<CertifyOperationalKeyRequest, CertifyOperationalKeyResponse>(async (request) => {
    const { holder, publicKey, use } = request
    if (use !== 'deliver' && use !== 'log') {
      throw new MailxError('INVALID_ARGUMENT', 'use must be "deliver" or "log"')
    }
    if (!/^[a-z][a-z-]{0,62}$/.test(holder)) {
      throw new MailxError('INVALID_ARGUMENT', 'holder must be the name of the asking service')
    }
    checkSigningKey(publicKey, 'the operational key')
    const hosted = await hostedDomain(deps, request.domain)
    await certifyKey(deps, hosted, { use, publicKey, holder }, deps.now())
    const { keys } = await publishDocument(deps, hosted.domain)
    const key = keys.findLast((candidate) => equal(candidate.publicKey, publicKey))
    if (key === undefined) throw new MailxError('INTERNAL', 'the certified key is not in the log')
    return {
      kid: key.kid,
      notBeforeUnixMs: BigInt(key.notBefore),
      notAfterUnixMs: BigInt(key.notAfter),
      signature: key.signature,
    }
  })
