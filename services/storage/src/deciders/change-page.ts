import type { MailboxEntry } from '@mailx/proto/storage/v1/storage_service'
import type { Cursor } from './cursor.ts'

/** One change of one partition, in the order of the partition. */
export type Change = {
  readonly partition: string
  readonly position: bigint
  readonly changedAt: number
  /**
   * told: list it. later: a newer change of the same entry follows further on and tells all of it.
   * unknown: the entry itself is not there yet (its read model is being rebuilt).
   */
  readonly outcome:
    | { readonly status: 'told'; readonly entry: MailboxEntry }
    | { readonly status: 'later' }
    | { readonly status: 'unknown' }
}

export type ChangePage = {
  readonly entries: readonly MailboxEntry[]
  readonly cursor: Cursor
  readonly more: boolean
}

/**
 * Merges what changed after `cursor` into one page, oldest change first. Each partition is passed
 * through in its own order, without gaps, so that the new cursor says exactly what was told. A change
 * whose entry is not known yet holds its partition back: it is told next time.
 */
export function changePage(
  changes: readonly Change[],
  options: { readonly cursor: Cursor; readonly limit: number },
): ChangePage {
  const sequences = byPartition(changes)
  const cursor = new Map(options.cursor)
  const entries: MailboxEntry[] = []
  let passed = 0
  for (;;) {
    const next = oldestHead(sequences)
    if (next === undefined) return { entries, cursor, more: false }
    if (passed >= options.limit) return { entries, cursor, more: true }
    const step = takeStep(next)
    for (const { outcome } of step) if (outcome.status === 'told') entries.push(outcome.entry)
    const last = step.at(-1)
    if (last !== undefined) cursor.set(last.partition, last.position)
    passed += step.length
  }
}

type Sequence = { readonly changes: readonly Change[]; at: number }

function byPartition(changes: readonly Change[]): Sequence[] {
  const grouped = Map.groupBy(changes, ({ partition }) => partition)
  const names = [...grouped.keys()].toSorted()
  return names.map((name) => {
    const own = grouped.get(name) ?? []
    const sorted = own.toSorted((a, b) => Number(a.position - b.position))
    const held = sorted.find(({ outcome }) => outcome.status === 'unknown')
    const told = held ? sorted.filter(({ position }) => position < held.position) : sorted
    return { changes: told, at: 0 }
  })
}

function oldestHead(sequences: readonly Sequence[]): Sequence | undefined {
  let oldest: Sequence | undefined
  for (const sequence of sequences) {
    const head = sequence.changes[sequence.at]
    if (head === undefined) continue
    const best = oldest?.changes[oldest.at]
    if (best === undefined || head.changedAt < best.changedAt) oldest = sequence
  }
  return oldest
}

/** All changes at one position: they are told together or not at all. */
function takeStep(sequence: Sequence): Change[] {
  const position = sequence.changes[sequence.at]?.position
  const step: Change[] = []
  for (;;) {
    const change = sequence.changes[sequence.at]
    if (change === undefined || change.position !== position) return step
    step.push(change)
    sequence.at += 1
  }
}
