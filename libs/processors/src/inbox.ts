import type { CommittedBatch, StoredEvent } from '@mailx/event-log/event-log'
import type { Checkpoint } from './checkpoint.ts'

/** Consecutive events, and the checkpoint after the last. */
export type Page = { readonly events: readonly StoredEvent[]; readonly end: Checkpoint }

/** What arrived and was not yet processed by everybody here, for one partition. */
export type Inbox = {
  /** Keeps the batch unless nobody needs it or there is no room: then it will be read from Postgres. */
  add(batch: CommittedBatch): void
  /** Whether a batch that starts at this position is kept. */
  has(firstPosition: bigint): boolean
  /** Up to `limit` events that continue the checkpoint, position and hash. */
  take(after: Checkpoint, limit: number): Page | undefined
  /** First positions of what is here beyond a position: what comes before is missing or on its way. */
  laterThan(position: bigint): readonly bigint[]
  /** Forgets the batches that start at these positions. */
  drop(firstPositions: readonly bigint[]): void
  /** Forgets what everybody has processed. */
  forget(upTo: bigint): void
}

const MAX_EVENTS = 10_000
const MAX_BYTES = 16 * 1024 * 1024

export function createInbox(): Inbox {
  const batches = new Map<bigint, CommittedBatch>()
  let events = 0
  let bytes = 0
  let forgotten = 0n

  return {
    add(batch) {
      const known = batches.has(batch.firstPosition) || lastPosition(batch) <= forgotten
      if (known || events >= MAX_EVENTS || bytes >= MAX_BYTES) return
      batches.set(batch.firstPosition, batch)
      events += batch.events.length
      bytes += sizeOf(batch)
    },

    has: (firstPosition) => batches.has(firstPosition),

    take(after, limit) {
      const first = continuing(after)
      if (first === undefined) return undefined
      if (first.events.length > limit) return cut(first, limit)
      const taken = [first]
      let count = first.events.length
      for (;;) {
        const next = continuing(endOf(taken.at(-1) ?? first))
        if (next === undefined || count + next.events.length > limit) break
        taken.push(next)
        count += next.events.length
      }
      const all = taken.length === 1 ? first.events : taken.flatMap((batch) => batch.events)
      return { events: all, end: endOf(taken.at(-1) ?? first) }
    },

    laterThan: (position) => [...batches.keys()].filter((first) => first > position),

    drop(firstPositions) {
      for (const first of firstPositions) {
        const batch = batches.get(first)
        if (batch !== undefined) remove(batch)
      }
    },

    forget(upTo) {
      forgotten = upTo
      for (const batch of batches.values()) if (lastPosition(batch) <= upTo) remove(batch)
    },
  }

  function continuing({ position, hash }: Checkpoint): CommittedBatch | undefined {
    const batch = batches.get(position + 1n)
    if (batch === undefined) return undefined
    if (Buffer.compare(batch.previousHash, hash) === 0) return batch
    // It claims another history. Postgres decides; this one is not kept in the way.
    remove(batch)
    return undefined
  }

  function remove(batch: CommittedBatch): void {
    batches.delete(batch.firstPosition)
    events -= batch.events.length
    bytes -= sizeOf(batch)
  }
}

function cut({ events }: CommittedBatch, limit: number): Page {
  const part = events.slice(0, limit)
  return { events: part, end: part.at(-1) as StoredEvent }
}

const lastPosition = ({ firstPosition, events }: CommittedBatch): bigint =>
  firstPosition + BigInt(events.length - 1)

const endOf = (batch: CommittedBatch): Checkpoint => ({
  position: lastPosition(batch),
  hash: batch.hash,
})

const sizeOf = ({ events }: CommittedBatch): number =>
  events.reduce((sum, { data, metadata }) => sum + data.length + metadata.length, 0)
