import { listChanges } from '@mailx/client/mailbox'
import { withSession } from '@mailx/client/session'
import { codeOf, needsSession, waitBefore } from './passing.ts'
import { pause } from './pause.ts'
import type { Person } from './people.ts'

/** A recipient's open subscription. */
export type Listener = {
  /** Where the mailbox ended when the subscription began: what comes is behind it. */
  readonly cursor: Uint8Array
  readonly ended: Promise<void>
}

/**
 * Subscribes, and again whenever the subscription is lost. What was missed meanwhile is listed, so that
 * `onEntry` hears of every message at least once. Resolves when from now on every change is pushed.
 */
export async function listen(
  person: Person,
  options: {
    readonly signal: AbortSignal
    readonly onEntry: (messageId: Uint8Array) => void
    readonly onTrouble: (code: string) => void
  },
): Promise<Listener> {
  const { account } = person
  const { signal, onEntry, onTrouble } = options
  const began = Promise.withResolvers<Uint8Array>()
  let cursor = new Uint8Array()
  let listing: Promise<void> | undefined
  let missed = false

  const ended = (async () => {
    for (let tries = 0; !signal.aborted; tries++) {
      try {
        for await (const { event } of account.transport.subscribe({
          ...(await withSession(account)),
          signal,
        })) {
          tries = 0
          if (event?.$case === 'entry') onEntry(event.value.messageId)
          else if (event?.$case === 'resync') {
            missed = true
            listing ??= catchUp()
          }
        }
      } catch (error) {
        const code = codeOf(error)
        if (signal.aborted) return
        onTrouble(code)
        if (needsSession(code)) account.session = undefined
      }
      if (!signal.aborted) await pause(waitBefore(tries), signal)
    }
  })()
  return { cursor: await began.promise, ended }

  /** Beside the subscription, which goes on being read. */
  async function catchUp(): Promise<void> {
    for (let tries = 0; missed && !signal.aborted; ) {
      missed = false
      try {
        const changes = await listChanges(account, cursor)
        for (const { messageId } of changes.entries) onEntry(messageId)
        cursor = Uint8Array.from(changes.cursor)
        began.resolve(cursor)
      } catch (error) {
        onTrouble(codeOf(error))
        missed = true
        await pause(waitBefore(tries++), signal)
      }
    }
    listing = undefined
  }
}
