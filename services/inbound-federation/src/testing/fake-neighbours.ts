import { MailxError } from '@mailx/errors/mailx-error'
import { issueLeaf } from '@mailx/federation/peer-certificate'
import type { MadeDomain } from '@mailx/federation/testing/made-domain'
import { serveGrpc } from '@mailx/grpc/serve'
import { unary } from '@mailx/grpc/unary'
import {
  DirectoryServiceService,
  type GetPeerRequest,
  type LookUpKeysResponse,
  type LookUpLocalKeysRequest,
  Peer,
} from '@mailx/proto/directory/v1/directory_service'
import {
  type CertifyOperationalKeyRequest,
  CertifyOperationalKeyResponse,
  type GetDomainDocumentRequest,
  GetDomainDocumentResponse,
  IdentityServiceService,
  type IssueCertificateRequest,
  IssueCertificateResponse,
} from '@mailx/proto/identity/v1/identity_service'
import {
  type GetCheckpointRequest,
  GetCheckpointResponse,
  TransparencyServiceService,
} from '@mailx/proto/transparency/v1/transparency_service'
import { createLogger } from '@mailx/telemetry/logger'

const DAY_MS = 24 * 60 * 60 * 1000

/** Identity, directory and transparency in one server, for domains whose keys the test made. */
export type FakeNeighbours = {
  readonly address: string
  /** Public halves of the `deliver` keys that were certified, by kid. */
  readonly certified: ReadonlyMap<string, Uint8Array>
  /** Look-ups of peers that reached directory. */
  readonly lookUps: readonly LookUpLocalKeysRequest[]
  /** Of which domains a fresh document was asked for. */
  readonly freshLooks: readonly string[]
  /** Hosts another domain from now on. */
  host(domain: MadeDomain): void
  /** What directory says of another domain from now on. */
  setPeer(peer: MadeDomain): void
  stop(): Promise<void>
}

export async function fakeNeighbours(
  initiallyHosted: readonly MadeDomain[],
  peers: readonly MadeDomain[],
): Promise<FakeNeighbours> {
  const hosted = [...initiallyHosted]
  const known = new Map(peers.map((peer) => [peer.domain, peer]))
  const certified = new Map<string, Uint8Array>()
  const lookUps: LookUpLocalKeysRequest[] = []
  const freshLooks: string[] = []
  const ours = (domain: string): MadeDomain => {
    const found = hosted.find((candidate) => candidate.domain === domain)
    if (found === undefined) throw new MailxError('NOT_FOUND', `${domain} is not hosted`)
    return found
  }
  const unused = unary(() => Promise.reject(new MailxError('INTERNAL', 'not part of the test')))

  const identity = {
    createDomain: unused,
    listDomains: unused,
    registerUser: unused,
    publishDeviceList: unused,
    issueChallenge: unused,
    openSession: unused,
    certifyOperationalKey: unary<CertifyOperationalKeyRequest, CertifyOperationalKeyResponse>(
      async ({ domain, publicKey }) => {
        const kid = `${ours(domain).domain}-deliver-${certified.size + 1}`
        certified.set(kid, publicKey)
        return CertifyOperationalKeyResponse.create({
          kid,
          notBeforeUnixMs: BigInt(Date.now() - DAY_MS),
          notAfterUnixMs: BigInt(Date.now() + 89 * DAY_MS),
        })
      },
    ),
    issueCertificate: unary<IssueCertificateRequest, IssueCertificateResponse>(
      async ({ domain, publicKeySpki }) => {
        const { caPem, keys } = ours(domain)
        const now = Date.now()
        const leaf = await issueLeaf({ domain, keyPair: keys.tls, publicKeySpki, now })
        return IssueCertificateResponse.create({
          certificate: leaf.certificate,
          caCertificate: caPem,
          notBeforeUnixMs: BigInt(leaf.notBefore),
          notAfterUnixMs: BigInt(leaf.notAfter),
        })
      },
    ),
    getDomainDocument: unary<GetDomainDocumentRequest, GetDomainDocumentResponse>(
      async ({ domain }) =>
        GetDomainDocumentResponse.create({ document: ours(domain).documentBytes }),
    ),
  }
  const directory = {
    lookUpKeys: unused,
    pinPeer: unused,
    getPeer: unary<GetPeerRequest, Peer>(async ({ domain, fresh }) => {
      if (fresh) freshLooks.push(domain)
      const peer = known.get(domain)
      if (peer === undefined) {
        throw new MailxError('NO_MAILX_RECORD', `${domain} has no record`)
      }
      const { documentBytes: document, domainKey } = peer
      return Peer.create({ domain, publicKey: domainKey.publicKey, document })
    }),
    lookUpLocalKeys: unary<LookUpLocalKeysRequest, LookUpKeysResponse>(async (request) => {
      lookUps.push(request)
      const answers = request.addresses.map((address) => ({ address, code: '', message: '' }))
      return { answers, padding: new Uint8Array(100) }
    }),
  }
  const transparency = {
    getInclusionProofs: unused,
    getConsistencyProof: unused,
    getCheckpoint: unary<GetCheckpointRequest, GetCheckpointResponse>(async ({ domain }) =>
      GetCheckpointResponse.create({ checkpoint: `the checkpoint of ${domain}`, size: 1n }),
    ),
  }
  const server = await serveGrpc({
    listen: '127.0.0.1:0',
    services: [
      { definition: IdentityServiceService, implementation: identity },
      { definition: DirectoryServiceService, implementation: directory },
      { definition: TransparencyServiceService, implementation: transparency },
    ],
    telemetry: {
      service: 'neighbours',
      logger: createLogger({ service: 'test', level: 'silent' }),
    },
  })
  return {
    address: server.address,
    certified,
    lookUps,
    freshLooks,
    host: (domain) => void hosted.push(domain),
    setPeer: (peer) => known.set(peer.domain, peer),
    stop: () => server.stop({ graceMs: 0 }),
  }
}
