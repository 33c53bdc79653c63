import type { Journal } from './journal.ts'
import type { LaneEvents } from './lane.ts'
import { keyOf, type Message } from './message.ts'
import { latencies } from './meter.ts'
import type { Person } from './people.ts'

export type Counts = {
  sent: number
  accepted: number
  refused: number
  /** Copies: one per recipient of an accepted message. */
  copies: number
  notified: number
  /** Messages that were handed over more than once. */
  resent: number
}

/**
 * Knows every message of the run, writes to the journal what becomes of it, and counts. Latencies run
 * from when a message was due. `now` is in milliseconds since the start of the run.
 */
export function tracker(options: {
  readonly journal: Journal
  readonly now: () => number
  /** Messages that were due before are sent and journaled, but are in no figure. */
  readonly measureFrom: number
}) {
  const { journal, now, measureFrom } = options
  const messages = new Map<string, Message>()
  const counts: Counts = { sent: 0, accepted: 0, refused: 0, copies: 0, notified: 0, resent: 0 }
  const refusals = new Map<string, number>()
  const troubles = new Map<string, number>()
  const accept = latencies()
  const notify = latencies()
  const last = { accepted: 0, notified: 0 }
  let undecided = 0
  let unheard = 0
  let onChange: (() => void) | undefined

  const isMeasured = ({ due }: Message) => due >= measureFrom
  const trouble = (code: string) => increase(troubles, code)

  const events: LaneEvents = {
    resending(again) {
      for (const { number, attempts } of again) {
        if (attempts === 1) counts.resent += 1
        journal.add({ kind: 'resent', at: now(), number })
      }
      journal.write()
    },
    accepted(message) {
      const at = now()
      journal.add({ kind: 'accepted', at, number: message.number })
      counts.accepted += 1
      counts.copies += message.recipients.length
      unheard += message.recipients.length - message.heard.length
      accept.record(at - message.due, isMeasured(message))
      if (isMeasured(message)) last.accepted = at
      decide(message)
    },
    refused(message, code) {
      journal.add({ kind: 'refused', at: now(), number: message.number, code })
      counts.refused += 1
      increase(refusals, code)
      // Nobody will hear of it.
      messages.delete(message.key)
      decide(message)
    },
    putOff({ number }, code) {
      journal.add({ kind: 'put-off', at: now(), number })
      trouble(code)
    },
    trouble,
  }

  return {
    counts,
    refusals,
    troubles,
    accept,
    notify,
    last,
    events,
    trouble,
    /** Copies of accepted messages of which their recipients have not heard. */
    unheard: () => unheard,
    undecided: () => undecided,
    isDone: () => undecided === 0 && messages.size === 0,
    /** Called after every decision and notification. */
    onChange(listener: () => void) {
      onChange = listener
    },
    /** Before the messages leave: what the journal does not hold must not exist. */
    send(batch: readonly Message[]) {
      const at = now()
      for (const message of batch) {
        messages.set(message.key, message)
        journal.add({
          kind: 'sent',
          at,
          number: message.number,
          id: message.submission.messageId,
          sender: message.sender.user,
          bytes: message.bytes,
          recipients: [...message.recipients.map(({ user }) => user), ...message.absent],
        })
      }
      journal.write()
      counts.sent += batch.length
      undecided += batch.length
    },
    heard(person: Person, messageId: Uint8Array) {
      const message = messages.get(keyOf(messageId))
      if (message === undefined || !message.recipients.includes(person)) return
      if (message.heard.includes(person)) return
      message.heard.push(person)
      const at = now()
      journal.add({ kind: 'notified', at, number: message.number, user: person.user })
      counts.notified += 1
      if (message.decided) unheard -= 1
      notify.record(at - message.due, isMeasured(message))
      if (isMeasured(message)) last.notified = at
      forget(message)
      onChange?.()
    },
  }

  function decide(message: Message): void {
    message.decided = true
    undecided -= 1
    forget(message)
    onChange?.()
  }

  function forget(message: Message): void {
    const isOver = message.heard.length === message.recipients.length
    if (message.decided && isOver) messages.delete(message.key)
  }
}

export type Tracker = ReturnType<typeof tracker>

const increase = (map: Map<string, number>, key: string) => map.set(key, (map.get(key) ?? 0) + 1)
