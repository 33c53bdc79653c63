import { toHex } from '@mailx/crypto/encoding'
import { type DueDelivery, deliveryKey, pairKey } from './due-delivery.ts'

export type BatchLimits = { readonly deliveries: number; readonly bytes: number }

/** What a batch carries for one delivery beside its envelope: names, times, protobuf. */
const OVERHEAD_BYTES = 512

export type LaneQueue = {
  /** Everything that is held: ready, waiting, behind an earlier one, and taken. */
  readonly size: number
  readonly taken: number
  readonly waiting: number
  /** Puts deliveries at the end. One that is held already is passed over. */
  add(deliveries: readonly DueDelivery[]): void
  /** Takes what fits into one batch, a pair's in their order, and nothing of a pair that an earlier batch has. */
  take(limits: BatchLimits): DueDelivery[]
  /** The delivery has a final outcome. */
  settle(delivery: DueDelivery): void
  /** The delivery was taken and has to be tried again, not before `at`. */
  release(delivery: DueDelivery, at: number): void
  /** Makes ready what has waited long enough; says when the next one will have. */
  wake(now: number): number | undefined
  /** Everything held, in the order in which it came. */
  all(): DueDelivery[]
  clear(): void
}

/**
 * The deliveries of a lane that are in memory. Those of one (sender, recipient) pair leave in their
 * order: several may go in one batch, which the peer takes in its order, but none goes while one of
 * the pair is in an earlier batch or waits for its next try.
 */
export function laneQueue(): LaneQueue {
  const held = new Map<string, DueDelivery>()
  const taken = new Set<DueDelivery>()
  const waiting = new Map<DueDelivery, number>()
  /** How many of a pair are taken or waiting. */
  const busy = new Map<string, number>()

  const occupy = (delivery: DueDelivery, change: 1 | -1) => {
    const pair = pairKey(delivery)
    const count = (busy.get(pair) ?? 0) + change
    if (count === 0) busy.delete(pair)
    else busy.set(pair, count)
  }
  const isReady = (delivery: DueDelivery) =>
    !taken.has(delivery) && !waiting.has(delivery) && !busy.has(pairKey(delivery))

  return {
    get size() {
      return held.size
    },
    get taken() {
      return taken.size
    },
    get waiting() {
      return waiting.size
    },
    add(deliveries) {
      for (const delivery of deliveries) {
        const key = deliveryKey(delivery)
        if (!held.has(key)) held.set(key, delivery)
      }
    },
    take(limits) {
      // Pair by pair, oldest first: what goes together leaves the other pairs to the next batches.
      const ready = [...Map.groupBy([...held.values()].filter(isReady), pairKey).values()].flat()
      const batch = ready.slice(0, fitting(ready, limits))
      for (const delivery of batch) {
        taken.add(delivery)
        occupy(delivery, 1)
      }
      return batch
    },
    settle(delivery) {
      if (!held.delete(deliveryKey(delivery))) return
      if (taken.delete(delivery) || waiting.delete(delivery)) occupy(delivery, -1)
    },
    release(delivery, at) {
      if (taken.delete(delivery)) waiting.set(delivery, at)
    },
    wake(now) {
      for (const [delivery, at] of waiting) {
        if (at > now) continue
        waiting.delete(delivery)
        occupy(delivery, -1)
      }
      return waiting.size === 0 ? undefined : Math.min(...waiting.values())
    },
    all: () => [...held.values()],
    clear() {
      for (const collection of [held, taken, waiting, busy]) collection.clear()
    },
  }
}

/** How many of the first deliveries make a batch: contents count once each, the first always fits. */
function fitting(deliveries: readonly DueDelivery[], limits: BatchLimits): number {
  const contents = new Set<string>()
  let bytes = 0
  let count = 0
  for (const delivery of deliveries) {
    if (count === limits.deliveries) break
    const content = toHex(delivery.contentHash)
    bytes += delivery.envelopeSize + OVERHEAD_BYTES
    if (!contents.has(content)) bytes += delivery.contentSize
    contents.add(content)
    if (count > 0 && bytes > limits.bytes) break
    count += 1
  }
  return count
}
