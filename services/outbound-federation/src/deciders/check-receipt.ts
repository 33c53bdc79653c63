import { equal } from '@mailx/crypto/encoding'
import { receiptLeafOf } from '@mailx/delivery/receipt-leaf'
import { MailxError } from '@mailx/errors/mailx-error'
import { inclusionProofs } from '@mailx/merkle/inclusion-proofs'
import {
  type DeliverStreamResponse,
  type DeliveryResponse,
  Receipt,
} from '@mailx/proto/delivery/v1/delivery_service'
import { verifyStatement } from '@mailx/statement/statement'
import type { DueDelivery, LaneName } from './due-delivery.ts'

export type BatchAnswer = {
  readonly lane: LaneName
  readonly deliveries: readonly DueDelivery[]
  readonly response: DeliverStreamResponse
  /** The peer's `deliver` key of that name; undefined when it publishes none that is valid now. */
  readonly keyOf: (kid: string) => Uint8Array | undefined
}

export type CheckedAnswer = {
  readonly responses: readonly DeliveryResponse[]
  /** The receipt of one delivery, provable alone: with its place and its audit path. */
  readonly receiptFor: (index: number) => Uint8Array
}

/**
 * The answers to a batch count only as the peer signed them: one receipt over the Merkle root of all.
 * Throws BAD_PROOF when it does not fit the batch, BAD_SIGNATURE when the peer did not sign it. Then
 * nothing is known about any delivery of the batch.
 */
export function checkReceipt({ deliveries, keyOf, lane, response }: BatchAnswer): CheckedAnswer {
  const { receipt, responses } = response
  const { origin, peer } = lane
  if (responses.length !== deliveries.length) {
    throw badProof(`${peer} answered ${responses.length} of ${deliveries.length} deliveries`)
  }
  if (receipt === undefined) throw badProof(`${peer} sent no receipt`)
  const leaves = deliveries.map((delivery, index) => leafOf(delivery, responses[index]))
  const { proofs, root } = inclusionProofs(leaves)
  if (receipt.count !== leaves.length || !equal(receipt.root, root)) {
    throw badProof(`the receipt of ${peer} is about other answers than it sent`)
  }
  const publicKey = keyOf(receipt.kid)
  if (publicKey === undefined) {
    throw new MailxError('BAD_SIGNATURE', `${peer} signed with a key that it does not publish`)
  }
  const statement = {
    origin,
    destination: peer,
    root,
    count: leaves.length,
    signedAt: signedAtOf(receipt, peer),
  }
  if (!verifyStatement('delivery-receipt', statement, receipt.signature, publicKey)) {
    throw new MailxError('BAD_SIGNATURE', `the receipt of ${peer} is not signed by its key`)
  }
  return {
    responses,
    receiptFor: (index) =>
      Receipt.encode({ ...receipt, index, path: proofs[index] ?? [] }).finish(),
  }
}

function leafOf(delivery: DueDelivery, response: DeliveryResponse | undefined): Uint8Array {
  if (response === undefined || response.status === 'UNRECOGNIZED' || response.timestamp < 0n) {
    throw badProof(`${delivery.peer} sent an answer that this version cannot read`)
  }
  return receiptLeafOf(delivery, response)
}

function signedAtOf(receipt: Receipt, peer: string): bigint {
  if (receipt.signedAtUnixMs >= 0n) return receipt.signedAtUnixMs
  throw badProof(`the receipt of ${peer} has no time`)
}

const badProof = (what: string) => new MailxError('BAD_PROOF', what)
