import type { Account } from '@mailx/client/account'
import type { MailboxCache, Summary } from '@mailx/client/mailbox-cache'
import { withSession } from '@mailx/client/session'
import { newestFirst, shortId } from '../choose-message.ts'
import { refreshMailbox } from '../mailbox-store.ts'
import { type Output, printable } from '../output.ts'
import type { Context } from '../run-command.ts'

export type InboxOptions = {
  readonly all?: boolean
  readonly unread?: boolean
  readonly limit: number
  readonly wait?: number
}

/** `mailx inbox`: what others wrote, newest first; with --all, the own messages too. */
export async function inboxCommand(
  { account, output }: Context & { readonly account: Account },
  options: InboxOptions,
): Promise<void> {
  const wanted = (message: Summary) =>
    (options.all || message.from !== account.keyring.address) &&
    (!options.unread || !message.flags.includes('seen'))
  let cache = await refreshMailbox(account, output)
  if (options.wait !== undefined && !newestFirst(cache).some(wanted)) {
    cache = await waitForMessage(account, output, wanted, options.wait * 1000)
  }
  const messages = newestFirst(cache).filter(wanted).slice(0, options.limit)
  output.result(
    {
      messages: messages.map((message) => ({
        ...message,
        receivedAt: isoTime(message.receivedAt),
      })),
    },
    messages.length === 0
      ? 'no messages'
      : messages.map((message) => line(message, output)).join('\n'),
  )
}

/** Refreshes with each push (the first says that the stream is open) until a message is there or the time is over. */
async function waitForMessage(
  account: Account,
  output: Output,
  wanted: (message: Summary) => boolean,
  timeoutMs: number,
): Promise<MailboxCache> {
  const signal = AbortSignal.timeout(timeoutMs)
  const pushes = account.transport.subscribe({ ...(await withSession(account)), signal })
  for await (const { event } of pushes) {
    if (event === undefined) continue
    const cache = await refreshMailbox(account, output)
    if (newestFirst(cache).some(wanted)) return cache
  }
  return refreshMailbox(account, output)
}

function line(message: Summary, { colours }: Output): string {
  const seen = message.flags.includes('seen')
  const when = isoTime(message.receivedAt).slice(0, 16).replace('T', ' ')
  const id = colours.yellow(shortId(message.id))
  const subject =
    message.refused === undefined
      ? printable(message.subject) || '(no subject)'
      : colours.red(`(not shown: ${message.refused})`)
  const clip = message.attachments > 0 ? ` +${message.attachments}` : ''
  const text = `${when}  ${message.from.padEnd(24)}  ${subject}${clip}`
  return `${seen ? ' ' : '*'} ${id}  ${seen ? text : colours.bold(text)}`
}

const isoTime = (at: number) => new Date(at).toISOString()
