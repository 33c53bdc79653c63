import type { CommittedBatch } from '@mailx/event-log/event-log'
import { createInbox, type Inbox } from './inbox.ts'
import type { Unit } from './run-unit.ts'

/** The units at work in this process, and per partition what arrived for them. */
export type UnitSet = {
  inboxOf(partition: string): Inbox
  add(unit: Unit): void
  remove(unit: Unit): void
  get(processor: string, partition: string): Unit | undefined
  all(): readonly Unit[]
  /** Hands a batch to the units of its partition. */
  receive(batch: CommittedBatch): void
  /** Whether somebody here has yet to process the batch at a position, which did not arrive yet. */
  lacks(partition: string, position: bigint): boolean
  /** Drops from the inbox what all units of the partition are done with. */
  tidy(partition: string): void
}

export function unitSet(): UnitSet {
  const inboxes = new Map<string, Inbox>()
  const units = new Map<string, Set<Unit>>()
  const inPartition = (partition: string) => units.get(partition) ?? new Set<Unit>()

  return {
    inboxOf(partition) {
      const inbox = inboxes.get(partition) ?? createInbox()
      inboxes.set(partition, inbox)
      return inbox
    },
    add(unit) {
      units.set(unit.partition, inPartition(unit.partition).add(unit))
    },
    remove(unit) {
      inPartition(unit.partition).delete(unit)
    },
    get: (processor, partition) =>
      [...inPartition(partition)].find((unit) => unit.processor.of.name === processor),
    all: () => [...units.values()].flatMap((set) => [...set]),
    receive(batch) {
      const set = inPartition(batch.partition)
      if (set.size === 0) return
      inboxes.get(batch.partition)?.add(batch)
      for (const unit of set) unit.wake()
    },
    lacks(partition, position) {
      if (inboxes.get(partition)?.has(position)) return false
      for (const unit of inPartition(partition)) if ((unit.position() ?? 0n) < position) return true
      return false
    },
    tidy(partition) {
      let lowest: bigint | undefined
      for (const unit of inPartition(partition)) {
        const position = unit.position() ?? 0n
        if (lowest === undefined || position < lowest) lowest = position
      }
      if (lowest !== undefined) inboxes.get(partition)?.forget(lowest)
    },
  }
}
