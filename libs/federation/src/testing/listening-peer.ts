import type { GrpcService } from '@mailx/grpc/server'
import { bidi } from '@mailx/grpc/stream'
import { unary } from '@mailx/grpc/unary'
import { keyByKid } from '@mailx/keys/domain-document'
import {
  type DeliverStreamRequest,
  DeliverStreamResponse,
  DeliveryServiceService,
  ServerInfo,
} from '@mailx/proto/delivery/v1/delivery_service'
import {
  type AuthorizeRequest,
  type AuthorizeResponse,
  type HelloRequest,
  type HelloResponse,
  PeerServiceService,
} from '@mailx/proto/peer/v1/peer_service'
import { createLogger } from '@mailx/telemetry/logger'
import { type FindPeerKey, peerChallenge } from '../authorize-peer.ts'
import { authorityOf } from '../peer-authority.ts'
import type { PeerCertificate } from '../peer-certificate.ts'
import {
  listenForPeers,
  type PeerListener,
  type PeerListenerOptions,
  type Rejection,
} from '../peer-listener.ts'
import type { ConnectionOf } from '../peer-server.ts'
import type { MadeDomain } from './made-domain.ts'

export type ListeningPeer = {
  readonly listener: PeerListener
  readonly rejections: Rejection[]
  /** How many calls reached a handler behind the challenge. */
  readonly served: () => number
  /** Swaps the leaf of the domain. */
  readonly setCertificate: (certificate: PeerCertificate) => void
}

/** Keys of domains that are known without discovery. */
export const keysOf =
  (domains: readonly MadeDomain[], now: () => number = Date.now): FindPeerKey =>
  (peer, kid) => {
    const known = domains.find(({ domain }) => domain === peer)
    const key = known && keyByKid(known.document, kid, 'deliver', now())
    return Promise.resolve(key?.publicKey)
  }

/**
 * A domain that listens: the real listener and challenge, and handlers that only count and echo.
 * GetServerInfo says who the caller is; DeliverStream answers each batch with its sequence.
 */
export async function listenAs(
  domain: MadeDomain,
  known: readonly MadeDomain[],
  overrides: Partial<PeerListenerOptions> = {},
): Promise<ListeningPeer> {
  const now = overrides.now ?? Date.now
  let certificate = await domain.leaf()
  let served = 0
  const rejections: Rejection[] = []
  const challenge = peerChallenge({
    keyOf: () => Promise.resolve(domain.keys.deliver),
    findKey: keysOf(known, now),
    now,
  })
  const services = (connectionOf: ConnectionOf): GrpcService[] => [
    {
      definition: PeerServiceService,
      implementation: {
        hello: unary<HelloRequest, HelloResponse>((request, call) =>
          challenge.hello(connectionOf(call), request),
        ),
        authorize: unary<AuthorizeRequest, AuthorizeResponse>((request, call) =>
          challenge.authorize(connectionOf(call), request),
        ),
        lookUpKeys: unary(() => Promise.resolve({})),
      },
    },
    {
      definition: DeliveryServiceService,
      implementation: {
        deliverMessage: unary(() => Promise.resolve({})),
        getServerInfo: unary<object, ServerInfo>((_, call) => {
          served += 1
          return Promise.resolve(ServerInfo.create({ domain: connectionOf(call).peer }))
        }),
        deliverStream: bidi<DeliverStreamRequest, DeliverStreamResponse>(
          async (requests, { write }) => {
            for await (const { frame } of requests) {
              const sequence = frame?.$case === 'batch' ? frame.value.sequence : 0n
              await write(DeliverStreamResponse.create({ sequence }))
            }
          },
        ),
      },
    },
  ]
  const listener = await listenForPeers({
    host: '127.0.0.1',
    port: 0,
    certificateOf: (name) => (name === domain.domain ? certificate : undefined),
    authorityOf: (peer) => {
      const found = known.find((candidate) => candidate.domain === peer)
      if (found === undefined) return Promise.reject(new Error(`${peer} is unknown`))
      return Promise.resolve(authorityOf(found.document, now()))
    },
    admit: () => undefined,
    services,
    telemetry: { service: 'test', logger: createLogger({ service: 'test', level: 'silent' }) },
    onRejected: (rejection) => rejections.push(rejection),
    now,
    ...overrides,
  })
  return {
    listener,
    rejections,
    served: () => served,
    setCertificate: (next) => {
      certificate = next
    },
  }
}
