import type { MailboxCache, Summary } from '@mailx/client/mailbox-cache'
import { MailxError } from '@mailx/errors/mailx-error'

/** Newest first. */
export const newestFirst = (cache: MailboxCache): Summary[] =>
  Object.values(cache.messages).toSorted(
    (a, b) => b.receivedAt - a.receivedAt || (a.id < b.id ? 1 : -1),
  )

/** The last eight digits of an id: what lists show and commands take. */
export const shortId = (id: string): string => id.slice(-8)

/**
 * The message that is meant by an id, by the end of one, or by `last`: the newest that fits `among`.
 * Throws NOT_FOUND, or INVALID_ARGUMENT when several ids end so.
 */
export function chooseMessage(
  cache: MailboxCache,
  wanted: string,
  among: (message: Summary) => boolean = () => true,
): Summary {
  const all = newestFirst(cache)
  const matching =
    wanted === 'last' ? all.filter(among).slice(0, 1) : all.filter(({ id }) => id.endsWith(wanted))
  const [first, second] = matching
  if (first === undefined) {
    throw new MailxError('NOT_FOUND', `no message ${wanted}: \`mailx inbox\` lists what is there`)
  }
  if (second !== undefined) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      `several messages end in ${wanted}: write more of the id`,
    )
  }
  return first
}
