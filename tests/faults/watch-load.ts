import type { JournalRecord } from '@mailx/loadtest-tool/journal-record'
import type { MailSuccess } from './fault.ts'

/** Follows a load's journal and knows which messages got through, of those handed over after a moment. */
export type LoadWatch = {
  hear(record: JournalRecord): void
  accepted(): number
  /** What was refused for good so far. */
  readonly refusals: readonly Refusal[]
  /** When the first message that was handed over after `since` succeeded; waits for it, `timeoutMs` at most. */
  first(success: MailSuccess, since: number, timeoutMs: number): Promise<number | undefined>
}

/** `at` is a `performance.now()`. */
export type Refusal = { readonly at: number; readonly code: string }

type Happened = { readonly success: MailSuccess; readonly handedOver: number; readonly at: number }
type Waiting = { readonly success: MailSuccess; readonly since: number; resolve(at: number): void }

const KEPT = 100_000

/** `domainOf`: of a user, by the place in the journal. Times are of `now`. */
export function watchLoad(
  domainOf: (user: number) => string,
  now: () => number = () => performance.now(),
): LoadWatch {
  const messages = new Map<number, { sender: number; left: number; handedOver: number }>()
  const waiting = new Set<Waiting>()
  const refusals: Refusal[] = []
  let happened: Happened[] = []
  let accepted = 0

  return {
    hear(record) {
      switch (record.kind) {
        case 'sent': {
          const { number, sender, recipients } = record
          messages.set(number, { sender, left: recipients.length, handedOver: now() })
          return
        }
        case 'resent': {
          const message = messages.get(record.number)
          if (message !== undefined) message.handedOver = now()
          return
        }
        case 'accepted': {
          accepted += 1
          const message = messages.get(record.number)
          if (message === undefined) return
          tell({ kind: 'accepted', domain: domainOf(message.sender) }, message.handedOver)
          return
        }
        case 'notified': {
          const message = messages.get(record.number)
          if (message === undefined) return
          const domain = domainOf(record.user)
          const from = domainOf(message.sender) === domain ? 'here' : 'elsewhere'
          tell({ kind: 'notified', domain, from }, message.handedOver)
          message.left -= 1
          if (message.left === 0) messages.delete(record.number)
          return
        }
        case 'refused':
          messages.delete(record.number)
          refusals.push({ at: now(), code: record.code })
          return
        case 'put-off':
        case 'start':
        case 'mailbox':
        case 'end':
      }
    },
    accepted: () => accepted,
    refusals,
    async first(success, since, timeoutMs) {
      const earlier = happened.find((one) => one.handedOver > since && isSame(one.success, success))
      if (earlier !== undefined) return earlier.at
      const { promise, resolve } = Promise.withResolvers<number | undefined>()
      const entry: Waiting = { success, since, resolve }
      waiting.add(entry)
      const timer = setTimeout(() => resolve(undefined), timeoutMs)
      const at = await promise
      clearTimeout(timer)
      waiting.delete(entry)
      return at
    },
  }

  function tell(success: MailSuccess, handedOver: number): void {
    const at = now()
    happened.push({ success, handedOver, at })
    if (happened.length > 2 * KEPT) happened = happened.slice(KEPT)
    for (const one of waiting) {
      if (handedOver > one.since && isSame(one.success, success)) one.resolve(at)
    }
  }
}

function isSame(a: MailSuccess, b: MailSuccess): boolean {
  if (a.kind !== b.kind || a.domain !== b.domain) return false
  return a.kind === 'accepted' || (b.kind === 'notified' && a.from === b.from)
}
