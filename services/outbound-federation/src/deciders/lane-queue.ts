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
  /** Takes what fits into one batch, a pair's in their order, and nothing of a pair with one under way. */
  take(limits: BatchLimits): DueDelivery[]
  /** Whether so many could be taken now. */
  has(count: number): boolean
  /** The peer has decided on what was taken: the next of its pair may go. It stays held until settled. */
  answered(delivery: DueDelivery): void
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

/** What is held of one (sender, recipient) pair. */
type Line = {
  readonly pair: string
  /** Neither taken nor waiting, in the order in which they came. */
  ready: Entry[]
  /** How many are taken or waiting: until there are none, the ready ones stay. */
  busy: number
}

type Entry = {
  readonly delivery: DueDelivery
  readonly line: Line
  /** Grows with each that is added. */
  readonly arrival: number
  state: 'ready' | 'taken' | 'answered' | 'waiting'
}

/**
 * The deliveries of a lane that are in memory. Those of one (sender, recipient) pair leave in their
 * order: several may go in one batch, which the peer takes in its order, but none goes while the peer
 * has yet to decide on one of the pair in an earlier batch, or while that waits for its next try. Taking a batch costs what the batch
 * holds, however much else is held.
 */
export function laneQueue(): LaneQueue {
  const held = new Map<string, Entry>()
  const lines = new Map<string, Line>()
  /** Lines that have something ready and nothing busy, the one that is so for longest first. */
  const free = new Set<Line>()
  const waiting = new Map<Entry, number>()
  let arrivals = 0
  let taken = 0

  const lineOf = (delivery: DueDelivery): Line => {
    const pair = pairKey(delivery)
    const line = lines.get(pair) ?? { pair, ready: [], busy: 0 }
    lines.set(pair, line)
    return line
  }
  const update = (line: Line) => {
    if (line.busy > 0 || line.ready.length === 0) free.delete(line)
    else free.add(line)
    const isOver = line.busy === 0 && line.ready.length === 0
    if (isOver && lines.get(line.pair) === line) lines.delete(line.pair)
  }
  const entryOf = (delivery: DueDelivery) => held.get(deliveryKey(delivery))

  return {
    get size() {
      return held.size
    },
    get taken() {
      return taken
    },
    get waiting() {
      return waiting.size
    },
    add(deliveries) {
      for (const delivery of deliveries) {
        const key = deliveryKey(delivery)
        if (held.has(key)) continue
        const line = lineOf(delivery)
        arrivals += 1
        const entry: Entry = { delivery, line, arrival: arrivals, state: 'ready' }
        held.set(key, entry)
        line.ready.push(entry)
        update(line)
      }
    },
    take(limits) {
      const batch = fitting(free, limits)
      for (const { line } of batch) line.busy += 1
      for (const line of new Set(batch.map((entry) => entry.line))) {
        line.ready.splice(0, line.busy)
        update(line)
      }
      for (const entry of batch) entry.state = 'taken'
      taken += batch.length
      return batch.map(({ delivery }) => delivery)
    },
    has(count) {
      let missing = count
      for (const { ready } of free) {
        missing -= ready.length
        if (missing <= 0) return true
      }
      return missing <= 0
    },
    answered(delivery) {
      const entry = entryOf(delivery)
      if (entry?.state !== 'taken') return
      entry.state = 'answered'
      entry.line.busy -= 1
      update(entry.line)
    },
    settle(delivery) {
      const entry = entryOf(delivery)
      if (entry === undefined) return
      held.delete(deliveryKey(delivery))
      const { line, state } = entry
      if (state === 'ready') line.ready = line.ready.filter((other) => other !== entry)
      else if (state !== 'answered') line.busy -= 1
      if (state === 'taken' || state === 'answered') taken -= 1
      waiting.delete(entry)
      update(line)
    },
    release(delivery, at) {
      const entry = entryOf(delivery)
      if (entry?.state !== 'taken') return
      entry.state = 'waiting'
      taken -= 1
      waiting.set(entry, at)
    },
    wake(now) {
      for (const [entry, at] of waiting) {
        if (at > now) continue
        waiting.delete(entry)
        const { line } = entry
        entry.state = 'ready'
        line.busy -= 1
        line.ready = [...line.ready, entry].toSorted((a, b) => a.arrival - b.arrival)
        update(line)
      }
      return waiting.size === 0 ? undefined : Math.min(...waiting.values())
    },
    all: () => [...held.values()].map(({ delivery }) => delivery),
    clear() {
      for (const collection of [held, lines, free, waiting]) collection.clear()
      taken = 0
    },
  }
}

/** What makes a batch, line after line: contents count once each, the first delivery always fits. */
function fitting(lines: Iterable<Line>, limits: BatchLimits): Entry[] {
  const contents = new Set<string>()
  const batch: Entry[] = []
  let bytes = 0
  for (const { ready } of lines) {
    for (const entry of ready) {
      const { contentHash, contentSize, envelopeSize } = entry.delivery
      const content = toHex(contentHash)
      bytes += envelopeSize + OVERHEAD_BYTES
      if (!contents.has(content)) bytes += contentSize
      contents.add(content)
      if (batch.length > 0 && bytes > limits.bytes) return batch
      batch.push(entry)
      if (batch.length === limits.deliveries) return batch
    }
  }
  return batch
}
