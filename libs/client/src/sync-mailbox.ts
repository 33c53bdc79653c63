import { fromBase64, toBase64 } from '@mailx/crypto/encoding'
import { formatId, parseId } from '@mailx/crypto/uuid'
import type { MailboxEntry } from '@mailx/proto/storage/v1/storage_service'
import type { Account } from './account.ts'
import { listChanges, type ReadMessage, readMessages } from './mailbox.ts'
import type { MailboxCache, Summary } from './mailbox-cache.ts'

/** What is known of a message before it is opened. */
type Listed = Pick<Summary, 'id' | 'from' | 'receivedAt' | 'size' | 'flags'>

/**
 * Brings the cache up to date: fetches what changed since its cursor, opens what is new. `onProgress`
 * hears how many of the new messages are done.
 */
export async function syncMailbox(
  account: Account,
  cache: MailboxCache,
  onProgress: (done: number, total: number) => void = () => undefined,
): Promise<MailboxCache> {
  const cursor = fromBase64(cache.cursor)
  const changes = await listChanges(account, cursor)
  const messages: Record<string, Summary> = { ...cache.messages }
  const unopened = new Map<string, Listed>()
  for (const entry of changes.entries) {
    const id = formatId(entry.messageId)
    const known = messages[id]
    if (entry.deleted) {
      delete messages[id]
      unopened.delete(id)
    } else if (known) messages[id] = { ...known, flags: entry.flags }
    else unopened.set(id, listed(id, entry))
  }
  // The keys of a new user take a moment to be found from elsewhere: what failed by that is tried again.
  for (const message of Object.values(messages)) {
    if (message.refused === 'NOT_FOUND') unopened.set(message.id, message)
  }
  const ids = [...unopened.keys()]
  for (let start = 0; start < ids.length; start += 50) {
    onProgress(start, ids.length)
    const read = await readMessages(account, ids.slice(start, start + 50).map(parseId))
    for (const message of read) {
      const known = unopened.get(formatId(message.messageId))
      if (known) messages[known.id] = summaryOf(known, message)
    }
  }
  onProgress(ids.length, ids.length)
  return { cursor: toBase64(changes.cursor), messages }
}

const listed = (id: string, { sender, receivedAtUnixMs, size, flags }: MailboxEntry): Listed => ({
  id,
  from: sender,
  receivedAt: Number(receivedAtUnixMs),
  size,
  flags,
})

function summaryOf(known: Listed, message: ReadMessage): Summary {
  const { id, receivedAt, size, flags } = known
  const common = { id, receivedAt, size, flags }
  if ('refused' in message) {
    const { code } = message.refused
    return { ...common, from: known.from, to: [], subject: '', attachments: 0, refused: code }
  }
  const { payload } = message.opened
  return {
    ...common,
    from: payload.from,
    to: payload.to,
    subject: payload.subject,
    attachments: payload.attachments.length,
    ...(payload.inReplyTo !== undefined && { inReplyTo: payload.inReplyTo }),
  }
}
