/**
 * One attempt to deliver a batch, and which failure arises where:
 *  1. Connection (peer-links.ts, connect-peer.ts), unless there is one:
 *     a. discover: the directory says who the peer is. Refused for good: DOMAIN_NOT_FOUND,
 *        NO_MAILX_RECORD, BAD_MAILX_RECORD, PEER_NOT_ALLOWED. For now: DISCOVERY_FAILED,
 *        BAD_DOMAIN_DOCUMENT, ADDRESS_NOT_ALLOWED. The directory is away: our own trouble.
 *     b. prepare: our certificate and `deliver` key. Identity is away: our own trouble.
 *     c. connect: TLS to a checked address (UNAVAILABLE, PEER_NOT_AUTHENTIC), then the mutual challenge
 *        (PEER_NOT_AUTHENTIC, UNSUPPORTED_VERSION).
 *  2. prepare: the sealed bytes, by one query at most (sealed-blobs.ts). Postgres is away: our own trouble. Bytes that were erased
 *     meanwhile: that delivery is refused, the others go.
 *  3. deliver: parts of attachments, then the batch: contents once, one signature over the Merkle root.
 *     The peer resets, closes, is silent, or answers what was not sent: UNAVAILABLE, DEADLINE_EXCEEDED,
 *     BAD_PROOF. The outcome is unknown: all are tried again with the same ids.
 *  4. The answer counts only with a receipt by the peer's key over all of it: else BAD_PROOF or
 *     BAD_SIGNATURE, and again nothing is known. After either the connection is closed.
 *  5. Each delivery has its answer: accepted, refused, later, or unreadable (tried again).
 */
import { crashAt } from '@mailx/config/crash-at'
import { toHex } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { readBlobs } from '@mailx/event-log/blobs'
import type { Sql } from '@mailx/event-log/sql'
import type { DeliverStreamResponse } from '@mailx/proto/delivery/v1/delivery_service'
import { checkReceipt } from '../deciders/check-receipt.ts'
import { blobsOf, composeBatch } from '../deciders/compose-batch.ts'
import type { DueDelivery, LaneName } from '../deciders/due-delivery.ts'
import { type AttemptStage, type Failure, readFailure } from '../deciders/failure.ts'
import { type PeerAnswer, readAnswer } from '../deciders/peer-answer.ts'
import type { Origins } from './origin-credentials.ts'
import type { OpenLink, PeerLinks } from './peer-links.ts'
import type { SealedBlobs } from './sealed-blobs.ts'

export type DeliverDeps = {
  readonly sql: Sql
  readonly sealed: Pick<SealedBlobs, 'read'>
  readonly links: PeerLinks
  readonly origins: Origins
  readonly now: () => number
}

export type Answered = {
  readonly delivery: DueDelivery
  readonly answer: PeerAnswer
  /** The signed receipt; empty unless the peer accepted. */
  readonly receipt: Uint8Array
}

export type Attempt =
  | { readonly status: 'answered'; readonly answers: readonly Answered[] }
  | { readonly status: 'failed'; readonly failure: Failure }

/** Never rejects: what went wrong is part of the answer. */
export async function deliverToPeer(
  deps: DeliverDeps,
  lane: LaneName,
  deliveries: readonly DueDelivery[],
  traceparentOf: (delivery: DueDelivery) => string,
): Promise<Attempt> {
  let stage: AttemptStage = 'discover'
  const reached = (next: AttemptStage) => {
    stage = next
  }
  try {
    const answers = await deps.links.use(lane, reached, async (link) => {
      reached('prepare')
      const blobs = await deps.sealed.read(blobsOf(deliveries))
      const [whole, erased] = partition(deliveries, blobs)
      if (whole.length === 0) return erased
      const { key } = await deps.origins.credentialsOf(lane.origin)
      reached('deliver')
      crashAt('outbound.before-send')
      const response = await link
        .stream()
        .send(attachmentsOf(deps.sql, whole, reached), (sequence) =>
          composeBatch({
            lane,
            sequence,
            deliveries: whole,
            blobs,
            traceparentOf,
            key,
            at: deps.now(),
          }),
        )
      const answered = await readResponse(link, whole, response)
      crashAt('outbound.after-answer')
      return [...erased, ...answered]
    })
    return { status: 'answered', answers }
  } catch (error) {
    return { status: 'failed', failure: readFailure(error, stage) }
  }
}

const noReceipt = new Uint8Array(0)

function partition(
  deliveries: readonly DueDelivery[],
  blobs: ReadonlyMap<string, Uint8Array>,
): [whole: DueDelivery[], erased: Answered[]] {
  const isWhole = ({ contentHash, envelopeHash }: DueDelivery) =>
    blobs.has(toHex(contentHash)) && blobs.has(toHex(envelopeHash))
  const fault = {
    code: 'NOT_FOUND',
    reason: 'the sealed message was erased before it was delivered',
  }
  const erased = deliveries
    .filter((delivery) => !isWhole(delivery))
    .map(
      (delivery): Answered => ({
        delivery,
        answer: { type: 'refused', fault },
        receipt: noReceipt,
      }),
    )
  return [deliveries.filter(isWhole), erased]
}

/** The parts of all attachments of the batch, each once, one in memory at a time. */
async function* attachmentsOf(
  sql: Sql,
  deliveries: readonly DueDelivery[],
  reached: (stage: AttemptStage) => void,
): AsyncGenerator<Uint8Array> {
  const hashes = new Map<string, Uint8Array>()
  for (const hash of deliveries.flatMap(({ attachments }) => attachments)) {
    hashes.set(toHex(hash), hash)
  }
  for (const hash of hashes.values()) {
    reached('prepare')
    const [blob] = await readBlobs(sql, [hash])
    reached('deliver')
    // An erased part is the peer's to complain about: it names the delivery.
    if (blob !== undefined) yield blob.data
  }
}

async function readResponse(
  link: OpenLink,
  deliveries: readonly DueDelivery[],
  response: DeliverStreamResponse,
): Promise<Answered[]> {
  try {
    const { receipt } = response
    const publicKey = receipt && (await link.keyOf(receipt.kid))
    const { receiptFor, responses } = checkReceipt({
      lane: link.lane,
      deliveries,
      response,
      keyOf: () => publicKey,
    })
    return deliveries.map((delivery, index) => {
      const answer = readAnswer(responses[index] as (typeof responses)[number])
      const accepted = answer.type === 'accepted'
      return { delivery, answer, receipt: accepted ? receiptFor(index) : noReceipt }
    })
  } catch (error) {
    const reason = error instanceof MailxError ? error : undefined
    link.close(reason ?? new MailxError('INTERNAL', 'the answer could not be read'))
    throw error
  }
}
