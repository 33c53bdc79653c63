import type { UntypedHandleCall, UntypedServiceImplementation } from '@grpc/grpc-js'
import { utf8 } from '@mailx/crypto/encoding'
import { sha256 } from '@mailx/crypto/hash'
import { signingKeyPair } from '@mailx/crypto/sign'
import { MailxError } from '@mailx/errors/mailx-error'
import { createCaCertificate, issueLeaf } from '@mailx/federation/peer-certificate'
import { serveGrpc } from '@mailx/grpc/serve'
import { unary } from '@mailx/grpc/unary'
import {
  type GetDomainDocumentRequest,
  type GetDomainDocumentResponse,
  IdentityServiceService,
  type IssueCertificateRequest,
  type IssueCertificateResponse,
} from '@mailx/proto/identity/v1/identity_service'
import { createLogger } from '@mailx/telemetry/logger'

const DAY_MS = 24 * 60 * 60 * 1000

const keyOf = (domain: string) => signingKeyPair(sha256(utf8(domain)))

export const caOf = (domain: string): Promise<string> =>
  createCaCertificate({
    domain,
    keyPair: keyOf(domain),
    notBefore: Date.now() - DAY_MS,
    notAfter: Date.now() + DAY_MS,
  })

const refuse: UntypedHandleCall = unary(async () => {
  throw new MailxError('FAILED_PRECONDITION', 'this identity knows only certificates and documents')
})

/** What the gateway needs of identity to open its doors: certificates and documents of any domain. */
export async function startFakeIdentity() {
  const asked = { documents: 0 }
  const state = { away: false }
  const implementation: UntypedServiceImplementation = {
    createDomain: refuse,
    listDomains: refuse,
    certifyOperationalKey: refuse,
    registerUser: refuse,
    publishDeviceList: refuse,
    issueChallenge: refuse,
    openSession: refuse,
    issueCertificate: unary<IssueCertificateRequest, IssueCertificateResponse>(
      async ({ domain, publicKeySpki }) => {
        const now = Date.now()
        const leaf = await issueLeaf({ domain, keyPair: keyOf(domain), publicKeySpki, now })
        return {
          certificate: leaf.certificate,
          caCertificate: await caOf(domain),
          notBeforeUnixMs: BigInt(leaf.notBefore),
          notAfterUnixMs: BigInt(leaf.notAfter),
        }
      },
    ),
    getDomainDocument: unary<GetDomainDocumentRequest, GetDomainDocumentResponse>(
      async ({ domain }) => {
        asked.documents += 1
        if (state.away) throw new MailxError('UNAVAILABLE', 'identity is away')
        const document = utf8(JSON.stringify({ domain }))
        return { document, serial: 1n, validUntilUnixMs: BigInt(Date.now() + DAY_MS) }
      },
    ),
  }
  const logger = createLogger({ service: 'identity', level: 'error' })
  const server = await serveGrpc({
    listen: '127.0.0.1:0',
    services: [{ definition: IdentityServiceService, implementation }],
    telemetry: { service: 'identity', logger },
  })
  return { address: server.address, asked, state, stop: () => server.stop({ graceMs: 100 }) }
}
