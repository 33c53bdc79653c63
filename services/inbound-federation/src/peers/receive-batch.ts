/**
 * One batch of a peer, from its bytes to our signed answer:
 *  1. The peer's rate: REJECTED_RATE_LIMITED. Count and size of the batch: TOO_LARGE.
 *  2. The peer's signature over the Merkle root of all deliveries (check-batch.ts): TRY_LATER where
 *     clocks or published keys are to blame, else REJECTED_INVALID, for all of them.
 *  3. Each delivery for itself (check-delivery.ts): REJECTED_INVALID, TOO_LARGE, UNSUPPORTED_VERSION.
 *  4. Who lives here, by one query whatever the batch holds. A recipient who does not exist is received
 *     all the same and kept for nobody (hide), or refused (tell); so is a full mailbox told of.
 *  5. Each is appended with its sealed bytes, all in one group commit. The same delivery again gets the
 *     first one's answer. The log is away or full: TRY_LATER.
 *     A crash here, before or after COMMIT: the peer hears nothing, delivers again, finds its first.
 *  6. All answers are signed together and leave on a 25 ms grid, so that nobody is found out by time.
 */

import { setTimeout as delay } from 'node:timers/promises'
import type { RateLimiter } from '@mailx/cache/rate-limit'
import { crashAt } from '@mailx/config/crash-at'
import { textArray } from '@mailx/event-log/binary-array'
import type { Sql } from '@mailx/event-log/sql'
import type { OperationalSigningKey } from '@mailx/federation/operational-key'
import type { ProvedTree } from '@mailx/merkle/inclusion-proofs'
import type {
  DeliverStreamResponse,
  DeliveryBatch,
  DeliveryResponse,
} from '@mailx/proto/delivery/v1/delivery_service'
import type { DeliveryProof } from '@mailx/proto/reception/v1/events'
import { peerLabel } from '@mailx/telemetry/capped-label'
import { counter } from '@mailx/telemetry/metrics'
import { type CheckedBatch, checkBatch, faultOfSize } from '../deciders/check-batch.ts'
import { type CheckedDelivery, checkDelivery, type Refusal } from '../deciders/check-delivery.ts'
import { signReceipt } from '../deciders/sign-receipt.ts'
import {
  type ReceiveDeliveryDeps,
  receiveDelivery,
  refusalOf,
  refusalResponse,
} from './receive-delivery.ts'
import type { Uploads } from './uploads.ts'

/** Who delivers, by its certificate, and to which hosted domain, by SNI. */
export type Source = { readonly origin: string; readonly destination: string }

export type BatchReceiver = (source: Source, batch: DeliveryBatch) => Promise<DeliverStreamResponse>

export type BatchReceiverDeps = ReceiveDeliveryDeps & {
  readonly sql: Sql
  readonly uploads: Pick<Uploads, 'sizesOf'>
  readonly rate: RateLimiter
  readonly keyOf: (domain: string) => OperationalSigningKey
  readonly findKey: (domain: string, kid: string) => Promise<Uint8Array | undefined>
  readonly isFull: (address: string) => boolean
  readonly unknownRecipient: 'hide' | 'tell'
}

const GRID_MS = 25

const received = counter({
  name: 'mailx_inbound_deliveries_total',
  help: 'Deliveries of peers, by peer and by the status they were answered with.',
  labelNames: ['peer', 'status'],
})

/** Answers batches. Rejects only where no answer can be signed. */
export const batchReceiver =
  (deps: BatchReceiverDeps): BatchReceiver =>
  async (source, batch) => {
    const startedAt = performance.now()
    const responses = await answersTo(batch, source, deps)
    const peer = peerLabel(source.origin)
    for (const { status } of responses) received.inc({ peer, status })
    const { deliveries, sequence } = batch
    const key = deps.keyOf(source.destination)
    const receipt = signReceipt({ ...source, deliveries, responses, key, now: deps.now() })
    crashAt('inbound.before-answer')
    await delay(GRID_MS - ((performance.now() - startedAt) % GRID_MS))
    return { sequence, responses, receipt }
  }

async function answersTo(
  batch: DeliveryBatch,
  source: Source,
  deps: BatchReceiverDeps,
): Promise<readonly DeliveryResponse[]> {
  const refuseAll = (refusal: Refusal) =>
    batch.deliveries.map(() => refusalResponse(refusal, deps.now()))
  try {
    await deps.rate.consume(source.origin, Math.max(batch.deliveries.length, 1))
    const fault = faultOfSize(batch)
    if (fault !== undefined) return refuseAll(fault)
    const publicKey = await deps.findKey(source.origin, batch.kid)
    const checked = checkBatch(batch, { ...source, now: deps.now(), publicKey })
    if ('status' in checked) return refuseAll(checked)
    return await receiveAll(batch, checked, source, deps)
  } catch (error) {
    return refuseAll(refusalOf(error, deps.logger))
  }
}

async function receiveAll(
  batch: DeliveryBatch,
  { contents, tree }: CheckedBatch,
  { destination, origin }: Source,
  deps: BatchReceiverDeps,
): Promise<readonly DeliveryResponse[]> {
  const { deliveries } = batch
  const hashes = deliveries.flatMap(({ attachmentHashes }) => attachmentHashes)
  const [uploads, here] = await Promise.all([
    deps.uploads.sizesOf(origin, hashes),
    whoIsHere(
      deps.sql,
      deliveries.map(({ recipient }) => recipient),
    ),
  ])
  const answers = deliveries.map(async (delivery, index) => {
    const data = contents[delivery.content]?.data ?? new Uint8Array(0)
    const hash = contents[delivery.content]?.hash ?? new Uint8Array(0)
    const content = { size: data.length, hash }
    const now = deps.now()
    const checked = checkDelivery(delivery, { origin, destination, now, content, uploads })
    if ('status' in checked) return refusalResponse(checked, now)
    const exists = here.has(delivery.recipient)
    const told = deps.unknownRecipient === 'tell' ? outcomeToTell(checked, exists, deps) : undefined
    if (told !== undefined) return refusalResponse(told, now)
    const proof = proofOf(batch, tree, index)
    return receiveDelivery({ origin, checked, content: data, proof, exists }, deps)
  })
  return Promise.all(answers)
}

async function whoIsHere(sql: Sql, addresses: readonly string[]): Promise<ReadonlySet<string>> {
  const { rows } = await sql.query<{ address: string }>({
    name: 'inbound.users',
    text: 'select address from inbound.users where address = any($1::text[])',
    values: [textArray(addresses)],
  })
  return new Set(rows.map(({ address }) => address))
}

function outcomeToTell(
  { delivery }: CheckedDelivery,
  exists: boolean,
  { isFull }: BatchReceiverDeps,
): Refusal | undefined {
  const { recipient } = delivery
  if (!exists) return { status: 'REJECTED_NO_SUCH_USER', detail: `there is no ${recipient}` }
  if (!isFull(recipient)) return undefined
  return { status: 'REJECTED_QUOTA_EXCEEDED', detail: `the mailbox of ${recipient} is full` }
}

/** The origin's signed word for one delivery of the batch, provable without the others. */
const proofOf = (
  { createdAtUnixMs, deliveries, kid, signature }: DeliveryBatch,
  { proofs, root }: ProvedTree,
  index: number,
): DeliveryProof => ({
  kid,
  root,
  count: deliveries.length,
  batchCreatedAtUnixMs: createdAtUnixMs,
  signature,
  index,
  path: proofs[index] ?? [],
})
