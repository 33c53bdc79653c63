import type { Account } from '@mailx/client/account'
import { withSession } from '@mailx/client/session'
import { formatId } from '@mailx/crypto/uuid'
import { newestFirst, shortId } from '../choose-message.ts'
import { refreshMailbox } from '../mailbox-store.ts'
import { printable } from '../output.ts'
import type { Context } from '../run-command.ts'

export type WatchOptions = { readonly count?: number }

/** `mailx watch`: one line (or JSON object) for each message as it arrives, until Ctrl-C. */
export async function watchCommand(
  { account, output }: Context & { readonly account: Account },
  options: WatchOptions,
): Promise<void> {
  const abort = new AbortController()
  process.once('SIGINT', () => abort.abort())
  const pushes = account.transport.subscribe({
    ...(await withSession(account)),
    signal: abort.signal,
  })
  const shown = new Set(newestFirst(await refreshMailbox(account, output)).map(({ id }) => id))
  output.say(`watching ${account.keyring.address}, Ctrl-C ends`)
  let left = options.count ?? Number.POSITIVE_INFINITY
  for await (const { event } of pushes) {
    if (event?.$case === 'status') {
      const { messageId, recipients } = event.value
      for (const { recipient, state } of recipients) {
        const word = state.replace('DELIVERY_STATE_', '').toLowerCase()
        const id = formatId(messageId)
        output.result(
          { messageId: id, recipient, state: word },
          `${shortId(id)}  ${recipient}  ${word}`,
        )
      }
      continue
    }
    for (const message of newestFirst(await refreshMailbox(account, output)).toReversed()) {
      if (shown.has(message.id)) continue
      shown.add(message.id)
      if (message.from === account.keyring.address) continue
      const subject = message.refused
        ? `(not shown: ${message.refused})`
        : printable(message.subject)
      output.result({ ...message }, `${shortId(message.id)}  ${message.from}  ${subject}`)
      left -= 1
    }
    if (left <= 0) break
  }
  abort.abort()
}
