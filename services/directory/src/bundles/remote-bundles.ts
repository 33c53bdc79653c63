/**
 * Keys of users of another domain, for a user of ours: the peer (find-peer.ts), then the cache, then
 * the question through outbound-federation. What comes back is verified in full under the peer's key
 * before it is kept or given; and again when it comes out of the cache, which proves nothing.
 */
import { cacheKey } from '@mailx/cache/cache-key'
import { askRedis } from '@mailx/cache/guarded'
import type { CurrentKeys } from '@mailx/crypto/current-keys'
import { MailxError } from '@mailx/errors/mailx-error'
import { callUnary } from '@mailx/grpc/client'
import { verifyKeyBundle } from '@mailx/keys/key-bundle'
import type { Peer } from '@mailx/proto/directory/v1/directory_service'
import { KeyBundle } from '@mailx/proto/keys/v1/keys'
import type { OutboundServiceClient } from '@mailx/proto/outbound/v1/outbound_service'
import type { Redis } from 'ioredis'
import type { PeerFinder } from '../peers/find-peer.ts'
import { openCopy, sealCopy } from './sealed-copy.ts'

/** The bundle, or why there is none; NOT_FOUND when the peer shows none to this asker. */
export type RemoteAnswer = KeyBundle | MailxError

export type RemoteBundlesDeps = {
  readonly peers: Pick<PeerFinder, 'find'>
  readonly outbound: Pick<OutboundServiceClient, 'lookUpPeerKeys'>
  readonly redis: Redis
  readonly cacheKeys: CurrentKeys
  readonly now: () => number
  readonly random: (length: number) => Uint8Array
}

export type RemoteQuestion = {
  /** The domain of the asker, one of ours. */
  readonly from: string
  readonly asker: string
  readonly domain: string
  readonly addresses: readonly string[]
  readonly fresh: boolean
}

const CACHE_MS = 10 * 60 * 1000
/** How many a peer answers at once. */
const CHUNK = 32
const CALL_TIMEOUT_MS = 15_000

/** An answer for every address; failures are answers. */
export async function remoteBundles(
  question: RemoteQuestion,
  deps: RemoteBundlesDeps,
): Promise<Map<string, RemoteAnswer>> {
  const { addresses, domain } = question
  const answers = new Map<string, RemoteAnswer>()
  try {
    const peer = await deps.peers.find(domain)
    if (!question.fresh) await takeCached(question, peer, answers, deps)
    const open = addresses.filter((address) => !answers.has(address))
    for (let at = 0; at < open.length; at += CHUNK) {
      await askPeer({ ...question, addresses: open.slice(at, at + CHUNK) }, peer, answers, deps)
    }
  } catch (error) {
    if (!(error instanceof MailxError)) throw error
    for (const address of addresses) if (!answers.has(address)) answers.set(address, error)
  }
  return answers
}

async function askPeer(
  { addresses, asker, domain, from }: RemoteQuestion,
  peer: Peer,
  answers: Map<string, RemoteAnswer>,
  { cacheKeys, now, outbound, random, redis }: RemoteBundlesDeps,
): Promise<void> {
  const answer = await callUnary(
    outbound.lookUpPeerKeys,
    { from, to: domain, asker, addresses },
    { timeoutMs: CALL_TIMEOUT_MS },
  )
  const kept: [string, Buffer][] = []
  for (const [at, address] of addresses.entries()) {
    const bundle = answer.answers[at]?.bundle
    const verified = verdictOn(bundle, address, peer, now())
    answers.set(address, verified)
    if (bundle !== undefined && verified === bundle) {
      const copy = sealCopy(cacheKeys(), random(24), KeyBundle.encode(bundle).finish())
      kept.push([copyKey(asker, address), Buffer.from(copy)])
    }
  }
  if (kept.length === 0) return
  await askRedis(redis, (client) => {
    const pipeline = client.pipeline()
    for (const [key, bytes] of kept) pipeline.set(key, bytes, 'PX', CACHE_MS)
    return pipeline.exec()
  })
}

/** Fills in what the cache holds and what still verifies. */
async function takeCached(
  { addresses, asker }: RemoteQuestion,
  peer: Peer,
  answers: Map<string, RemoteAnswer>,
  { cacheKeys, now, redis }: RemoteBundlesDeps,
): Promise<void> {
  const keys = addresses.map((address) => copyKey(asker, address))
  const copies = await askRedis(redis, (client) => client.mgetBuffer(keys))
  if (copies.status === 'down') return
  for (const [at, address] of addresses.entries()) {
    const copy = copies.value[at]
    if (copy === null || copy === undefined) continue
    const verdict = verdictOn(decoded(openCopy(cacheKeys(), copy)), address, peer, now())
    if (!(verdict instanceof MailxError)) answers.set(address, verdict)
  }
}

function decoded(copy: Uint8Array | undefined): KeyBundle | undefined {
  try {
    return copy && KeyBundle.decode(copy)
  } catch {
    // Not a bundle: the same as nothing cached.
    return undefined
  }
}

/** Whether keys are released may depend on who asks: a copy is for its asker alone. */
const copyKey = (asker: string, address: string): string =>
  cacheKey('bundle-2', `${asker} ${address}`)

function verdictOn(
  bundle: KeyBundle | undefined,
  address: string,
  peer: Peer,
  now: number,
): RemoteAnswer {
  if (bundle === undefined) {
    const message = `${address} does not exist, or does not show its keys to you`
    return new MailxError('NOT_FOUND', message)
  }
  try {
    verifyKeyBundle(bundle, { address, now, domainPublicKey: peer.publicKey })
    return bundle
  } catch (error) {
    if (error instanceof MailxError) return error
    throw error
  }
}
