import { equal } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import type { MadeDomain } from '@mailx/federation/testing/made-domain'
import { serveGrpc } from '@mailx/grpc/serve'
import { unary } from '@mailx/grpc/unary'
import { inclusionProof } from '@mailx/merkle/inclusion-proof'
import type { KeyBundle } from '@mailx/proto/keys/v1/keys'
import {
  type LookUpPeerKeysRequest,
  OutboundServiceService,
} from '@mailx/proto/outbound/v1/outbound_service'
import type { LookUpPeerKeysResponse } from '@mailx/proto/peer/v1/peer_service'
import {
  type GetInclusionProofsRequest,
  type GetInclusionProofsResponse,
  TransparencyServiceService,
} from '@mailx/proto/transparency/v1/transparency_service'
import { createLogger } from '@mailx/telemetry/logger'
import { checkpointOf, type MadeUser } from './made-user.ts'

/** Transparency of one hosted domain and outbound to all others, in one server. */
export type FakeNeighbours = {
  readonly address: string
  /** Questions that went out to peers. */
  readonly asked: readonly LookUpPeerKeysRequest[]
  /** The newest checkpoint covers this user from now on. */
  cover(user: MadeUser): void
  /** What peers answer from now on. */
  answer(bundles: ReadonlyMap<string, KeyBundle> | MailxError): void
  stop(): Promise<void>
}

export async function fakeNeighbours(hosted: MadeDomain): Promise<FakeNeighbours> {
  const leaves: Uint8Array[] = []
  const asked: LookUpPeerKeysRequest[] = []
  let remote: ReadonlyMap<string, KeyBundle> | MailxError = new Map()
  const unused = unary(() => Promise.reject(new MailxError('INTERNAL', 'not part of the test')))

  const getInclusionProofs = unary<GetInclusionProofsRequest, GetInclusionProofsResponse>(
    async ({ leafHashes }) => {
      const proofs = leafHashes.map((hash) => {
        const index = leaves.findIndex((leaf) => equal(leaf, hash))
        if (index < 0) throw new MailxError('NOT_FOUND', 'no checkpoint covers this yet')
        const path = inclusionProof(leaves, index)
        return { opening: new Uint8Array(0), leafAtUnixMs: 0n, index: BigInt(index), path }
      })
      return { checkpoint: checkpointOf(hosted, leaves), proofs }
    },
  )
  const lookUpPeerKeys = unary<LookUpPeerKeysRequest, LookUpPeerKeysResponse>(async (request) => {
    asked.push(request)
    const found = remote
    if (found instanceof MailxError) throw found
    const answers = request.addresses.map((address) => ({ address, bundle: found.get(address) }))
    return { answers, padding: new Uint8Array(0) }
  })
  const server = await serveGrpc({
    listen: '127.0.0.1:0',
    services: [
      {
        definition: TransparencyServiceService,
        implementation: { getCheckpoint: unused, getConsistencyProof: unused, getInclusionProofs },
      },
      { definition: OutboundServiceService, implementation: { lookUpPeerKeys } },
    ],
    telemetry: {
      service: 'neighbours',
      logger: createLogger({ service: 'test', level: 'silent' }),
    },
  })
  return {
    address: server.address,
    asked,
    cover: (user) => leaves.push(...user.leaves),
    answer: (bundles) => {
      remote = bundles
    },
    stop: () => server.stop({ graceMs: 0 }),
  }
}
