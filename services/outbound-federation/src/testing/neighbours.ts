import { toHex } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { issueLeaf } from '@mailx/federation/peer-certificate'
import type { MadeDomain } from '@mailx/federation/testing/made-domain'
import { unary } from '@mailx/grpc/unary'
import {
  DirectoryServiceService,
  type GetPeerRequest,
  Peer,
} from '@mailx/proto/directory/v1/directory_service'
import {
  type CertifyOperationalKeyRequest,
  type CertifyOperationalKeyResponse,
  IdentityServiceService,
  type IssueCertificateRequest,
  type IssueCertificateResponse,
} from '@mailx/proto/identity/v1/identity_service'
import type { ScriptedPeer } from './scripted-peer.ts'

const HOUR_MS = 60 * 60 * 1000
const DAY_MS = 24 * HOUR_MS

/** Certifies every key of a.test and issues its leaves. */
export function identityOf(origin: MadeDomain, keys: Map<string, Uint8Array>) {
  const certifyOperationalKey = unary<CertifyOperationalKeyRequest, CertifyOperationalKeyResponse>(
    async ({ domain, publicKey }) => {
      if (domain !== origin.domain) throw new MailxError('NOT_FOUND', `${domain} is not hosted`)
      const kid = `deliver-${toHex(publicKey).slice(0, 8)}`
      keys.set(kid, publicKey)
      return {
        kid,
        notBeforeUnixMs: BigInt(Date.now() - HOUR_MS),
        notAfterUnixMs: BigInt(Date.now() + 90 * DAY_MS),
        signature: new Uint8Array(64),
      }
    },
  )
  const issueCertificate = unary<IssueCertificateRequest, IssueCertificateResponse>(
    async ({ domain, publicKeySpki }) => {
      const leaf = await issueLeaf({
        domain,
        keyPair: origin.keys.tls,
        publicKeySpki,
        now: Date.now(),
      })
      return {
        certificate: leaf.certificate,
        caCertificate: origin.caPem,
        notBeforeUnixMs: BigInt(leaf.notBefore),
        notAfterUnixMs: BigInt(leaf.notAfter),
      }
    },
  )
  return {
    definition: IdentityServiceService,
    implementation: { certifyOperationalKey, issueCertificate },
  }
}

type Known = {
  readonly domains: ReadonlyMap<string, MadeDomain>
  readonly peers: ReadonlyMap<string, ScriptedPeer>
  readonly undiscovered: ReadonlyMap<string, MailxError>
}

export function directoryOf({ domains, peers, undiscovered }: Known) {
  const getPeer = unary<GetPeerRequest, Peer>(async ({ domain }) => {
    const reason = undiscovered.get(domain)
    if (reason !== undefined) throw reason
    const [known, peer] = [domains.get(domain), peers.get(domain)]
    if (known === undefined || peer === undefined) {
      throw new MailxError('DOMAIN_NOT_FOUND', `${domain} does not exist`)
    }
    return {
      ...Peer.create(),
      domain,
      publicKey: known.domainKey.publicKey,
      document: known.documentBytes,
      peerEndpoint: `mailx.${domain}:${peer.listener.port}`,
      addresses: ['127.0.0.1'],
      expiresAtUnixMs: BigInt(Date.now() + HOUR_MS),
    }
  })
  return { definition: DirectoryServiceService, implementation: { getPeer } }
}
