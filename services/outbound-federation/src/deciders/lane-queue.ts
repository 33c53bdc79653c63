import { toHex } from '@mailx/crypto/encoding'
import { type DueDelivery, deliveryKey, pairKey } from './due-delivery.ts'

export type BatchLimits = { readonly deliveries: number; readonly bytes: number }

/** What a batch carries for one delivery beside its envelope: names, times, protobuf. */
const OVERHEAD_BYTES = 512

type Waiting = { readonly at: number; readonly delivery: DueDelivery }

export type LaneQueue = {
  /** Everything that is held: ready, waiting, behind an earlier one, and taken. */
  readonly size: number
  readonly taken: number
  readonly waiting: number
  /** Puts deliveries at the end. One that is held already is passed over. */
  add(deliveries: readonly DueDelivery[]): void
  /** Takes what fits into one batch, in order, at most one delivery of a (sender, recipient) pair. */
  take(limits: BatchLimits): DueDelivery[]
  /** The delivery has a final outcome: the next one of its pair may go. */
  settle(delivery: DueDelivery): void
  /** The delivery was taken and has to be tried again, not before `at`. */
  release(delivery: DueDelivery, at: number): void
  /** Makes ready what has waited long enough; says when the next one will have. */
  wake(now: number): number | undefined
  /** Everything held, in no particular order. */
  all(): DueDelivery[]
  clear(): void
}

/**
 * The deliveries of a lane that are in memory. Of each (sender, recipient) pair only the first is ever
 * ready; the others stand behind it until it is settled.
 */
export function laneQueue(): LaneQueue {
  const pairs = new Map<string, DueDelivery[]>()
  const held = new Set<string>()
  let ready: DueDelivery[] = []
  let waiting: Waiting[] = []
  let taken = 0

  return {
    get size() {
      return held.size
    },
    get taken() {
      return taken
    },
    get waiting() {
      return waiting.length
    },
    add(deliveries) {
      for (const delivery of deliveries) {
        const key = deliveryKey(delivery)
        if (held.has(key)) continue
        held.add(key)
        const pair = pairKey(delivery)
        const line = pairs.get(pair)
        if (line === undefined) {
          pairs.set(pair, [delivery])
          ready.push(delivery)
        } else line.push(delivery)
      }
    },
    take(limits) {
      const count = fitting(ready, limits)
      const batch = ready.slice(0, count)
      ready = ready.slice(count)
      taken += count
      return batch
    },
    settle(delivery) {
      if (!held.delete(deliveryKey(delivery))) return
      const pair = pairKey(delivery)
      const line = pairs.get(pair) ?? []
      const isFirst = line[0] === delivery
      const rest = line.filter((other) => other !== delivery)
      const [next] = rest
      if (next === undefined) pairs.delete(pair)
      else pairs.set(pair, rest)
      if (!isFirst) return
      if (isIn(ready, delivery)) ready = ready.filter((other) => other !== delivery)
      else if (waiting.some((entry) => entry.delivery === delivery)) {
        waiting = waiting.filter((entry) => entry.delivery !== delivery)
      } else taken -= 1
      if (next !== undefined) ready.push(next)
    },
    release(delivery, at) {
      if (!held.has(deliveryKey(delivery))) return
      taken -= 1
      waiting.push({ at, delivery })
    },
    wake(now) {
      const due = waiting.filter(({ at }) => at <= now)
      if (due.length > 0) {
        waiting = waiting.filter(({ at }) => at > now)
        ready.push(...due.map(({ delivery }) => delivery))
      }
      return waiting.length === 0 ? undefined : Math.min(...waiting.map(({ at }) => at))
    },
    all: () => [...pairs.values()].flat(),
    clear() {
      pairs.clear()
      held.clear()
      ready = []
      waiting = []
      taken = 0
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

const isIn = (list: readonly DueDelivery[], delivery: DueDelivery): boolean =>
  list.includes(delivery)
