import type { Account } from '@mailx/client/account'
import { signedIn } from '@mailx/client/session'
import { MailxError } from '@mailx/errors/mailx-error'
import type { Lane, LaneEvents, LaneOptions } from './lane.ts'
import type { Message } from './message.ts'
import { codeOf, isPassing, needsSession, waitBefore } from './passing.ts'
import { pause } from './pause.ts'

/** One call a message, side by side. A call whose outcome is not known is repeated until it is. */
export function unaryLane(
  account: Account,
  events: LaneEvents,
  { answerWithinMs }: Pick<LaneOptions, 'answerWithinMs'>,
): Lane {
  const stop = new AbortController()
  const calls = new Set<Promise<void>>()

  return {
    push(messages) {
      for (const message of messages) {
        const call = submit(message).finally(() => calls.delete(call))
        calls.add(call)
      }
    },
    check() {},
    async close() {
      stop.abort()
      await Promise.all(calls)
    },
  }

  async function submit(message: Message): Promise<void> {
    for (let tries = 0; !stop.signal.aborted; tries++) {
      if (message.attempts > 0) events.resending([message])
      message.attempts += 1
      try {
        const patience = { timeoutMs: answerWithinMs, signal: stop.signal }
        const { transport } = account
        for (const data of message.parts) {
          await signedIn(account, (call) => transport.uploadBlob({ data }, call), patience)
        }
        await signedIn(account, (call) => transport.submit(message.submission, call), patience)
        events.accepted(message)
        return
      } catch (error) {
        const code = codeOf(error)
        if (stop.signal.aborted) return
        if (!isPassing(code)) {
          events.refused(message, code)
          return
        }
        events.putOff(message, code)
        if (needsSession(code)) account.session = undefined
        const hint = error instanceof MailxError ? error.retryAfterMs : undefined
        await pause(waitBefore(tries, hint), stop.signal)
      }
    }
  }
}
