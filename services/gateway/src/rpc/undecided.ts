import { MailxError } from '@mailx/errors/mailx-error'
import { pace, retryAfter } from '@mailx/event-log/pace'
import { gauge } from '@mailx/telemetry/metrics'

let total = 0

gauge({
  name: 'mailx_gateway_undecided_bytes',
  help: 'Submissions that were received and are not decided, of all streams and calls together.',
  collect() {
    this.set(total)
  },
})

/** What all streams and calls of a process have received and not decided, within one budget. */
export type Undecided = {
  readonly add: (bytes: number) => void
  readonly remove: (bytes: number) => void
  /** Throws RESOURCE_EXHAUSTED while the budget is used up, and says when to try again. */
  readonly check: () => void
  /** Resolves when there is room; undefined when there is room now. */
  readonly room: () => Promise<void> | undefined
}

export function undecided(budgetBytes: number): Undecided {
  let used = 0
  const deciding = pace()
  const waiting: (() => void)[] = []
  let lettingIn = false
  const isFull = () => used >= budgetBytes

  return {
    add(bytes) {
      if (used === 0) deciding.begin()
      used += bytes
      total += bytes
    },
    remove(bytes) {
      used -= bytes
      total -= bytes
      deciding.done(bytes)
      if (waiting.length > 0 && !lettingIn) letIn()
    },
    check() {
      if (!isFull()) return
      throw new MailxError('RESOURCE_EXHAUSTED', 'too much is waiting to be stored: slow down', {
        retryAfterMs: retryAfter(deciding.msFor(used)),
      })
    },
    room() {
      if (!isFull() && waiting.length === 0) return undefined
      return new Promise((resolve) => {
        waiting.push(resolve)
        if (!isFull() && !lettingIn) letIn()
      })
    },
  }

  /** One in a turn of the event loop: what it brings is counted before the next one may come. */
  function letIn(): void {
    lettingIn = !isFull() && waiting.length > 0
    if (!lettingIn) return
    waiting.shift()?.()
    setImmediate(letIn)
  }
}
