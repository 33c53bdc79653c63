import { fromUtf8 } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { authorizePeer, type ChallengeKey } from '@mailx/federation/authorize-peer'
import { dialPeer, type PeerChannel } from '@mailx/federation/dial-peer'
import { authorityOf } from '@mailx/federation/peer-authority'
import { callUnary } from '@mailx/grpc/client'
import { type DomainDocument, keyByKid } from '@mailx/keys/domain-document'
import type { DirectoryServiceClient, Peer } from '@mailx/proto/directory/v1/directory_service'
import { peerLabel } from '@mailx/telemetry/capped-label'
import { counter, redMetrics } from '@mailx/telemetry/metrics'
import { errorType, withSpan } from '@mailx/telemetry/tracer'
import { SpanKind } from '@opentelemetry/api'
import type { LaneName } from '../deciders/due-delivery.ts'
import type { AttemptStage } from '../deciders/failure.ts'
import type { Origins } from './origin-credentials.ts'

export type ConnectDeps = {
  readonly directory: Pick<DirectoryServiceClient, 'getPeer'>
  readonly origins: Origins
  readonly now: () => number
  readonly dialTimeoutMs: number
}

/** An authorized connection to a peer, in the name of one hosted domain. */
export type PeerLink = {
  readonly lane: LaneName
  readonly channel: PeerChannel
  readonly protocol: number
  /** The peer's `deliver` key of that name, valid now; asks for a newer document if need be. */
  readonly keyOf: (kid: string) => Promise<Uint8Array | undefined>
}

const connecting = redMetrics(
  'mailx_peer_connect_duration_seconds',
  'Connections to peers, dialled and authorized, by outcome: other than ok no handshake was made.',
  [],
  errorType,
)

const connections = counter({
  name: 'mailx_peer_connections_total',
  help: 'Connections to peers, dialled and authorized, by peer and outcome.',
  labelNames: ['peer', 'outcome'],
})

async function counted<Result>(peer: string, connect: () => Promise<Result>): Promise<Result> {
  let outcome = 'ok'
  try {
    return await connect()
  } catch (error) {
    outcome = errorType(error)
    throw error
  } finally {
    connections.inc({ peer: peerLabel(peer), outcome })
  }
}

/**
 * Finds the peer, dials it and proves both sides to each other. `stage` tells of each step after the
 * first, which is to discover it.
 */
export async function connectPeer(
  deps: ConnectDeps,
  lane: LaneName,
  stage: (reached: AttemptStage) => void,
): Promise<PeerLink> {
  const known = await findPeer(deps, lane.peer, false)
  stage('prepare')
  const credentials = await deps.origins.credentialsOf(lane.origin)
  stage('connect')
  const { certificate } = credentials
  const attributes = { 'server.address': lane.peer }
  return withSpan('connect peer', { kind: SpanKind.CLIENT, attributes }, () =>
    counted(lane.peer, () =>
      connecting({}, async () => {
        const { channel, peer } = await dialKnown(deps, known, certificate)
        return authorized(deps, lane, { channel, peer, key: credentials.key })
      }),
    ),
  )
}

type Dialled = { readonly channel: PeerChannel; readonly peer: Found; readonly key: ChallengeKey }

async function authorized(
  deps: ConnectDeps,
  lane: LaneName,
  { channel, key, peer }: Dialled,
): Promise<PeerLink> {
  try {
    const keyOf = keysOf(deps, peer)
    const { protocol } = await authorizePeer({
      channel,
      from: lane.origin,
      key,
      findKey: (_, kid) => keyOf(kid),
      timeoutMs: deps.dialTimeoutMs,
    })
    return { lane, channel, protocol, keyOf }
  } catch (error) {
    channel.close()
    throw error
  }
}

type Found = { readonly answer: Peer; readonly document: DomainDocument }
type Certificate = Parameters<typeof dialPeer>[0]['certificate']

async function findPeer(deps: ConnectDeps, domain: string, fresh: boolean): Promise<Found> {
  const { directory, dialTimeoutMs } = deps
  const answer = await callUnary(
    directory.getPeer,
    { domain, fresh },
    { timeoutMs: dialTimeoutMs * 2 },
  )
  // The directory has verified it; it is our own service.
  return { answer, document: JSON.parse(fromUtf8(answer.document)) as DomainDocument }
}

/** Dials; a peer that is not who its document says may have a newer document. */
async function dialKnown(deps: ConnectDeps, known: Found, certificate: Certificate) {
  try {
    return { channel: await dial(deps, known, certificate), peer: known }
  } catch (error) {
    if (!(error instanceof MailxError) || error.code !== 'PEER_NOT_AUTHENTIC') throw error
    const renewed = await findPeer(deps, known.answer.domain, true)
    if (renewed.document.serial === known.document.serial) throw error
    return { channel: await dial(deps, renewed, certificate), peer: renewed }
  }
}

function dial(deps: ConnectDeps, { answer, document }: Found, certificate: Certificate) {
  const { dialTimeoutMs: timeoutMs, now } = deps
  const port = Number(answer.peerEndpoint.slice(answer.peerEndpoint.lastIndexOf(':') + 1))
  const { addresses } = answer
  return dialPeer({
    authority: authorityOf(document, now()),
    certificate,
    addresses,
    port,
    now,
    timeoutMs,
  })
}

/** Looks a key up in the peer's document, and once more in a fresh one: it may be a minute old. */
function keysOf(deps: ConnectDeps, peer: Found): PeerLink['keyOf'] {
  let { document } = peer
  return async (kid) => {
    const find = () => keyByKid(document, kid, 'deliver', deps.now())?.publicKey
    const known = find()
    if (known !== undefined) return known
    document = (await findPeer(deps, peer.answer.domain, true)).document
    return find()
  }
}
