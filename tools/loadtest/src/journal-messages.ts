import type { JournalRecord } from './journal-record.ts'

/** A message as the journal tells of it. */
export type JournaledMessage = {
  readonly number: number
  readonly id: Uint8Array
  /** Users by their place in the run's list. */
  readonly sender: number
  readonly recipients: readonly number[]
  /** Of the body. */
  readonly bytes: number
  /** Places in the journal: when it was first handed over, and when it was decided. */
  readonly firstSent: number
  /**
   * From when on it has its place among the messages of its stream: the first hand-over, or the one after
   * it was last refused for a reason that passes. Infinite when it was not handed over after that.
   */
  readonly inTurnFrom: number
  readonly decidedAt: number | undefined
  readonly outcome: 'accepted' | 'refused' | 'unresolved'
  /** Of the refusal. */
  readonly code: string
  readonly notified: ReadonlySet<number>
}

export type JournalContents = {
  readonly messages: readonly JournaledMessage[]
  /** Where each recipient's mailbox ended when the run began. */
  readonly cursors: ReadonlyMap<number, Uint8Array>
  /** Whether the run came to its end. */
  readonly ended: boolean
}

type Growing = { -readonly [Key in keyof JournaledMessage]: JournaledMessage[Key] } & {
  notified: Set<number>
}

/** Gathers the records of each message. */
export function journalMessages(records: readonly JournalRecord[]): JournalContents {
  const messages = new Map<number, Growing>()
  const cursors = new Map<number, Uint8Array>()
  let ended = false
  for (const [place, record] of records.entries()) {
    if (record.kind === 'end') ended = true
    if (record.kind === 'mailbox') cursors.set(record.user, record.cursor)
    if (record.kind === 'sent') messages.set(record.number, begun(record, place))
    if (!('number' in record)) continue
    const message = messages.get(record.number)
    if (message === undefined) continue
    if (record.kind === 'put-off') message.inTurnFrom = Number.POSITIVE_INFINITY
    if (record.kind === 'resent') message.inTurnFrom = Math.min(message.inTurnFrom, place)
    if (record.kind === 'notified') message.notified.add(record.user)
    if (record.kind !== 'accepted' && record.kind !== 'refused') continue
    message.outcome = record.kind
    message.decidedAt = place
    if (record.kind === 'refused') message.code = record.code
  }
  return { messages: [...messages.values()], cursors, ended }
}

function begun(record: JournalRecord & { readonly kind: 'sent' }, place: number): Growing {
  const { number, id, sender, recipients, bytes } = record
  const common = { number, id, sender, recipients, bytes, code: '' }
  return {
    ...common,
    firstSent: place,
    inTurnFrom: place,
    decidedAt: undefined,
    outcome: 'unresolved',
    notified: new Set(),
  }
}
