import type { JournaledMessage } from './journal-messages.ts'
import { keyOf } from './message.ts'
import { goesByCall, type SubmitWay } from './submit-way.ts'

export const findings = [
  /** Accepted, and neither in the recipient's mailbox nor bounced to the sender. */
  'lost',
  /** More than once in a mailbox. */
  'duplicated',
  /** In the mailbox behind one that was sent later, by the same sender to the same recipient. */
  'reordered',
  /** Cannot be fetched, fails a check of the client, or is not what was written. */
  'corrupt',
  /** The run ended without knowing whether it was accepted. */
  'unresolved',
  /** In the recipient's mailbox, and the recipient was not told of it before the run ended. */
  'unheard',
  /** In a mailbox where it should not be: refused, bounced, or never sent there. */
  'unexpected',
] as const

export type Finding = (typeof findings)[number]

export type Problem = {
  readonly finding: Finding
  /** Of the message; -1 for one that the journal does not know. */
  readonly number: number
  readonly id: Uint8Array
  /** Empty where it is not about one mailbox. */
  readonly recipient: string
  readonly detail: string
}

/** What verification read. */
export type Evidence = {
  readonly submit: SubmitWay
  /** Those who are absent come behind the others. */
  readonly users: readonly string[]
  readonly isAbsent: (user: number) => boolean
  readonly messages: readonly JournaledMessage[]
  /** Whether the journal goes to the end of the run: else what is not in it may have been. */
  readonly ended: boolean
  /** Ids in each recipient's mailbox, oldest first, as often as they are listed. */
  readonly mailboxes: ReadonlyMap<number, readonly Uint8Array[]>
  /** Ids of the run that the journal does not hold, by mailbox. */
  readonly strangers: readonly { readonly user: number; readonly id: Uint8Array }[]
  /** What is wrong with a message in a mailbox: `<key>/<user>`. */
  readonly damage: ReadonlyMap<string, string>
  /** What the sender was told of a copy that is not there, or that bounced: `<key>/<user>`. */
  readonly told: ReadonlyMap<string, { readonly state: string; readonly code: string }>
}

export type Verdict = {
  readonly messages: number
  readonly accepted: number
  readonly refused: number
  /** Copies that accepted messages make, and what became of them. */
  readonly copies: number
  readonly delivered: number
  readonly bounced: number
  /** How many problems of each kind. */
  readonly counts: Readonly<Record<Finding, number>>
  readonly problems: readonly Problem[]
}

/** Why the mail of somebody who is there may bounce: there was no room for it, or no way for too long. */
const mayBounce: ReadonlySet<string> = new Set(['REJECTED_QUOTA_EXCEEDED', 'EXPIRED'])

export const copyKey = (key: string, user: number): string => `${key}/${user}`

/** Compares what was sent with what is there. */
export function judge(evidence: Evidence): Verdict {
  const { messages, ended, users, isAbsent, mailboxes, strangers, damage, told } = evidence
  const problems: Problem[] = []
  const tally = { accepted: 0, refused: 0, copies: 0, delivered: 0, bounced: 0 }
  const places = placesOf(mailboxes)
  const report = (
    finding: Finding,
    { number, id }: Pick<JournaledMessage, 'number' | 'id'>,
    user: number | undefined,
    detail: string,
  ) => {
    problems.push({ finding, number, id, recipient: nameOf(user), detail })
  }
  const nameOf = (user: number | undefined) =>
    user === undefined ? '' : (users[user] ?? `${user}`)

  for (const message of messages) {
    const key = keyOf(message.id)
    const { outcome } = message
    if (outcome === 'accepted') tally.accepted += 1
    if (outcome === 'refused') tally.refused += 1
    for (const user of message.recipients) {
      const copy = copyKey(key, user)
      const times = places.get(copy)?.length ?? 0
      const state = told.get(copy)
      const broken = damage.get(copy)
      if (times > 1) report('duplicated', message, user, `${times} times in the mailbox`)
      if (broken !== undefined) report('corrupt', message, user, broken)
      if (outcome === 'refused' && times > 0) {
        report('unexpected', message, user, `refused with ${message.code}, yet delivered`)
      }
      if (outcome !== 'accepted') continue
      tally.copies += 1
      if (times > 0) {
        tally.delivered += 1
        if (ended && !message.notified.has(user)) {
          report('unheard', message, user, 'its recipient was not told of it')
        }
      }
      if (state?.state === 'bounced') {
        if (times > 0) report('unexpected', message, user, `delivered, yet bounced: ${state.code}`)
        else tally.bounced += 1
        if (!isAbsent(user) && !mayBounce.has(state.code)) {
          report('unexpected', message, user, `bounced, yet its recipient is there: ${state.code}`)
        }
      } else if (times === 0) {
        report('lost', message, user, `its sender is told: ${state?.state ?? 'nothing'}`)
      }
    }
    if (outcome !== 'unresolved') continue
    const there = message.recipients.filter((user) => places.has(copyKey(key, user)))
    const where =
      there.length > 0 ? `delivered to ${there.map(nameOf).join(', ')}` : 'not delivered'
    report('unresolved', message, undefined, where)
  }
  for (const { user, id } of strangers) {
    report('unexpected', { number: -1, id }, user, 'the journal does not know it')
  }
  problems.push(...misdirected(evidence, nameOf), ...reorderings(evidence, places, nameOf))
  const counts = Object.fromEntries(
    findings.map((kind) => [kind, problems.filter(({ finding }) => finding === kind).length]),
  ) as Record<Finding, number>
  return { messages: messages.length, ...tally, counts, problems }
}

/** Where in a mailbox each copy is. */
function placesOf(mailboxes: Evidence['mailboxes']): Map<string, number[]> {
  const places = new Map<string, number[]>()
  for (const [user, ids] of mailboxes) {
    for (const [place, id] of ids.entries()) {
      const copy = copyKey(keyOf(id), user)
      const known = places.get(copy)
      if (known) known.push(place)
      else places.set(copy, [place])
    }
  }
  return places
}

type NameOf = (user: number | undefined) => string

/** Known messages in mailboxes of people to whom they were not sent. */
function misdirected({ messages, mailboxes }: Evidence, nameOf: NameOf): Problem[] {
  const known = new Map(messages.map((message) => [keyOf(message.id), message]))
  const problems: Problem[] = []
  for (const [user, ids] of mailboxes) {
    for (const id of ids) {
      const message = known.get(keyOf(id))
      if (message === undefined || message.recipients.includes(user)) continue
      const { number } = message
      const detail = 'it was not sent to this recipient'
      problems.push({ finding: 'unexpected', number, id, recipient: nameOf(user), detail })
    }
  }
  return problems
}

/**
 * Message B must be behind A when A went before it in the same conversation. On a stream, when A was
 * handed over before B was for the first time, however often both went again after lost connections:
 * each stream keeps the order in which it is written to, and everything without an answer goes again in
 * the same one. What was refused for a reason that passes has lost its place, and gets another one when
 * it is handed over again. In calls side by side, when A was accepted before B was handed over. One
 * problem per message that came too early.
 */
function reorderings(
  { messages, mailboxes, submit, users }: Evidence,
  places: ReadonlyMap<string, readonly number[]>,
  nameOf: NameOf,
): Problem[] {
  const settledAt = (message: JournaledMessage) =>
    goesByCall(submit, message.sender)
      ? (message.decidedAt ?? Number.POSITIVE_INFINITY)
      : message.inTurnFrom
  const problems: Problem[] = []
  const conversations = Map.groupBy(
    messages.flatMap((message) => message.recipients.map((user) => ({ message, user }))),
    ({ message, user }) => message.sender * users.length + user,
  )
  for (const copies of conversations.values()) {
    const placed = copies.flatMap(({ message, user }) => {
      const place = places.get(copyKey(keyOf(message.id), user))?.[0]
      return place === undefined || !mailboxes.has(user) ? [] : [{ message, user, place }]
    })
    // By the time at which each was sent; a message is early when one that was settled before is behind it.
    const bySending = placed.toSorted((a, b) => a.message.firstSent - b.message.firstSent)
    const bySettling = placed.toSorted((a, b) => settledAt(a.message) - settledAt(b.message))
    let next = 0
    let furthest: (typeof placed)[number] | undefined
    for (const copy of bySending) {
      for (; next < bySettling.length; next++) {
        const earlier = bySettling[next]
        if (!earlier || settledAt(earlier.message) >= copy.message.firstSent) break
        if (furthest === undefined || earlier.place > furthest.place) furthest = earlier
      }
      if (furthest === undefined || furthest.place < copy.place) continue
      if (furthest === copy) continue
      problems.push({
        finding: 'reordered',
        number: copy.message.number,
        id: copy.message.id,
        recipient: nameOf(copy.user),
        detail: `it is before message ${furthest.message.number}, which was sent earlier`,
      })
    }
  }
  return problems
}
