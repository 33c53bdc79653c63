import { blake2b256 } from '@mailx/crypto/hash'
import { randomBytes } from '@mailx/crypto/random'
import { formatId } from '@mailx/crypto/uuid'
import { deliveryLeaf } from '@mailx/delivery/delivery-leaf'
import { receiptLeafOf } from '@mailx/delivery/receipt-leaf'
import { peerChallenge } from '@mailx/federation/authorize-peer'
import { authorityOf } from '@mailx/federation/peer-authority'
import { listenForPeers, type PeerListener } from '@mailx/federation/peer-listener'
import type { ConnectionOf } from '@mailx/federation/peer-server'
import type { MadeDomain } from '@mailx/federation/testing/made-domain'
import type { GrpcService } from '@mailx/grpc/server'
import { bidi } from '@mailx/grpc/stream'
import { unary } from '@mailx/grpc/unary'
import { rootOf } from '@mailx/merkle/tree-hash'
import {
  type DeliverStreamRequest,
  DeliverStreamResponse,
  type Delivery,
  type DeliveryBatch,
  DeliveryResponse,
  DeliveryServiceService,
} from '@mailx/proto/delivery/v1/delivery_service'
import {
  type AuthorizeRequest,
  type AuthorizeResponse,
  type HelloRequest,
  type HelloResponse,
  type LookUpPeerKeysRequest,
  LookUpPeerKeysResponse,
  PeerServiceService,
} from '@mailx/proto/peer/v1/peer_service'
import { signStatement, verifyStatement } from '@mailx/statement/statement'
import { createLogger } from '@mailx/telemetry/logger'

/** What the peer says to each delivery of a batch, or what it does instead of answering. */
export type Script = (
  batch: DeliveryBatch,
) => 'hang' | 'reset' | 'close' | Partial<DeliverStreamResponse> | ((delivery: Delivery) => Said)

export type Said = Partial<DeliveryResponse>

export type Received = { readonly delivery: Delivery; readonly content: Uint8Array }

export type ScriptedPeer = {
  readonly listener: PeerListener
  /** How it behaves from now on. */
  script: Script
  readonly batches: DeliveryBatch[]
  readonly blobs: Uint8Array[]
  /** Everything that came in, once for each time it came. */
  received(): Received[]
  /** Connections that were authorized so far. */
  authorized: number
  stop(): Promise<void>
}

type Options = {
  readonly domain: MadeDomain
  readonly origin: MadeDomain
  /** The `deliver` keys that identity certified for the origin, by kid. */
  readonly originKeys: ReadonlyMap<string, Uint8Array>
  readonly port?: number
}

export const accepted = (): Said => ({
  status: 'ACCEPTED',
  messageId: formatId(randomBytes(16)),
  timestamp: BigInt(Date.now()),
})

/** Accepts everything. */
export const accepting: Script = () => accepted

/** A domain behind the real listener and challenge, whose answers to deliveries a test writes. */
export async function scriptedPeer(options: Options): Promise<ScriptedPeer> {
  const { domain, origin, originKeys } = options
  const batches: DeliveryBatch[] = []
  const blobs: Uint8Array[] = []
  const leaf = await domain.leaf()
  const challenge = peerChallenge({
    keyOf: () => Promise.resolve(domain.keys.deliver),
    findKey: (_, kid) => Promise.resolve(originKeys.get(kid)),
    now: Date.now,
    onAuthorized: () => {
      peer.authorized += 1
    },
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
        lookUpKeys: unary<LookUpPeerKeysRequest, LookUpPeerKeysResponse>(
          async ({ addresses, asker }) => ({
            ...LookUpPeerKeysResponse.create(),
            answers: addresses.map((address) => ({ address: `${address} for ${asker}` })),
          }),
        ),
      },
    },
    {
      definition: DeliveryServiceService,
      implementation: {
        deliverMessage: unary(() => Promise.resolve({})),
        getServerInfo: unary(() => Promise.resolve({})),
        deliverStream: bidi<DeliverStreamRequest, DeliverStreamResponse>(
          async (requests, { call, write }) => {
            for await (const { frame } of requests) {
              if (frame?.$case === 'blob') blobs.push(frame.value)
              if (frame?.$case !== 'batch') continue
              checkSignature(frame.value, options)
              batches.push(frame.value)
              const said = peer.script(frame.value)
              if (said === 'close') return
              if (said === 'reset') connectionOf(call).close()
              if (said === 'hang' || said === 'reset') continue
              await write(answer(frame.value, said, options))
            }
          },
        ),
      },
    },
  ]
  const listener = await listenForPeers({
    host: '127.0.0.1',
    port: options.port ?? 0,
    certificateOf: (name) => (name === domain.domain ? leaf : undefined),
    authorityOf: () => Promise.resolve(authorityOf(origin.document, Date.now())),
    admit: () => undefined,
    services,
    telemetry: { service: 'test', logger: createLogger({ service: 'test', level: 'silent' }) },
    onRejected: () => undefined,
    now: Date.now,
  })
  const peer: ScriptedPeer = {
    listener,
    script: accepting,
    batches,
    blobs,
    authorized: 0,
    received: () =>
      batches.flatMap(({ contents, deliveries }) =>
        deliveries.map((delivery) => ({
          delivery,
          content: contents[delivery.content] ?? new Uint8Array(0),
        })),
      ),
    stop: () => listener.stop({ graceMs: 0 }),
  }
  return peer
}

/** Every batch must be the origin's own, and about exactly these bytes. */
function checkSignature(batch: DeliveryBatch, { domain, origin, originKeys }: Options): void {
  const leaves = batch.deliveries.map((delivery) =>
    deliveryLeaf({
      origin: origin.domain,
      destination: domain.domain,
      sender: delivery.sender,
      recipient: delivery.recipient,
      messageId: delivery.messageId,
      contentHash: blake2b256(batch.contents[delivery.content] ?? new Uint8Array(0)),
      envelopeHash: blake2b256(delivery.envelope),
      createdAt: Number(delivery.createdAtUnixMs),
      expiresAt: Number(delivery.expiresAtUnixMs),
    }),
  )
  const statement = {
    origin: origin.domain,
    destination: domain.domain,
    root: rootOf(leaves),
    count: leaves.length,
    createdAt: batch.createdAtUnixMs,
  }
  const key = originKeys.get(batch.kid) ?? new Uint8Array(32)
  if (verifyStatement('delivery-batch', statement, batch.signature, key)) return
  throw new Error('the batch is not signed by the origin')
}

function answer(
  batch: DeliveryBatch,
  said: Partial<DeliverStreamResponse> | ((delivery: Delivery) => Said),
  { domain, origin }: Options,
): DeliverStreamResponse {
  const { sequence } = batch
  if (typeof said !== 'function') return DeliverStreamResponse.create({ sequence, ...said })
  const responses = batch.deliveries.map((delivery) => DeliveryResponse.create(said(delivery)))
  const leaves = responses.map((response, index) =>
    receiptLeafOf(batch.deliveries[index] as Delivery, response),
  )
  const signedAt = Date.now()
  const root = rootOf(leaves)
  const count = leaves.length
  const statement = {
    origin: origin.domain,
    destination: domain.domain,
    root,
    count,
    signedAt,
  }
  const { kid, secretKey } = domain.keys.deliver
  const signature = signStatement('delivery-receipt', statement, secretKey)
  const receipt = {
    kid,
    root,
    count,
    signedAtUnixMs: BigInt(signedAt),
    signature,
    index: 0,
    path: [],
  }
  return { sequence, responses, receipt }
}
