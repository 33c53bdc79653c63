import { eventHash } from './chain.ts'
import type { Blob, StoredEvent } from './event-log.ts'
import type { PendingAppend } from './pending-append.ts'

/** Where a partition's sequence ends. */
export type ChainEnd = { readonly position: bigint; readonly hash: Uint8Array }

/** One transaction's worth of appends to a partition, down to positions and hashes. */
export type BatchPlan = {
  readonly partition: string
  readonly start: ChainEnd
  readonly end: ChainEnd
  readonly recordedAt: number
  readonly events: readonly StoredEvent[]
  readonly blobs: readonly Blob[]
  /** The version each stream must have before, in the order of first appearance. */
  readonly checks: ReadonlyMap<string, number>
  /** What goes in, with the version its stream then has and the position of its last event. */
  readonly included: readonly Placed[]
  /** What contradicts an earlier request of the batch: decided once that one is. */
  readonly held: readonly PendingAppend[]
  /** Each stream's version after the batch. */
  readonly versions: ReadonlyMap<string, number>
}

export type Placed = {
  readonly pending: PendingAppend
  readonly version: number
  readonly position: bigint
}

/**
 * Lays the requests out behind `start`. `known` gives the versions of streams that are appended to
 * at "any" version. A later request for a stream sees the version that an earlier one leaves behind.
 */
export function planBatch(
  partition: string,
  requests: readonly PendingAppend[],
  start: ChainEnd,
  recordedAt: number,
  known: ReadonlyMap<string, number>,
): BatchPlan {
  const checks = new Map<string, number>()
  const versions = new Map<string, number>()
  const events: StoredEvent[] = []
  const included: Placed[] = []
  const held: PendingAppend[] = []
  let { position, hash } = start
  for (const pending of requests) {
    const { stream, expectedVersion } = pending
    const current = versions.get(stream)
    const expected =
      expectedVersion === 'any' ? (current ?? known.get(stream) ?? 0) : expectedVersion
    if (current === undefined) checks.set(stream, expected)
    else if (current !== expected) {
      held.push(pending)
      continue
    }
    let version = expected
    for (const { type, data, metadata } of pending.events) {
      position += 1n
      version += 1
      const event = { position, stream, version, type, data, metadata, recordedAt }
      hash = eventHash(hash, partition, event)
      events.push({ ...event, hash })
    }
    versions.set(stream, version)
    included.push({ pending, version, position })
  }
  const end = { position, hash }
  const blobs = included.flatMap(({ pending }) => pending.blobs)
  return { partition, start, end, recordedAt, events, blobs, checks, included, held, versions }
}

/**
 * Each blob once, and sorted: transactions that share blobs then lock them in the same order and cannot
 * deadlock.
 */
export function distinctBlobs(blobs: readonly Blob[]): readonly Blob[] {
  if (blobs.length < 2) return blobs
  const sorted = blobs.toSorted((a, b) => Buffer.compare(a.hash, b.hash))
  return sorted.filter(
    (blob, i) => i === 0 || Buffer.compare(blob.hash, at(sorted, i - 1).hash) !== 0,
  )
}

const at = (blobs: readonly Blob[], index: number): Blob => blobs[index] as Blob
