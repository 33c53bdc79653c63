import { fromBase64, toBase64 } from '@mailx/crypto/encoding'
import { formatId, parseId } from '@mailx/crypto/uuid'
import type { MailboxEntry } from '@mailx/proto/storage/v1/storage_service'
import type { Account } from './account.ts'
import { listChanges, type ReadMessage, readMessages } from './mailbox.ts'
import type { MailboxCache, Summary } from './mailbox-cache.ts'

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
  const fresh = new Map<string, MailboxEntry>()
  for (const entry of changes.entries) {
    const id = formatId(entry.messageId)
    const known = messages[id]
    if (entry.deleted) {
      delete messages[id]
      fresh.delete(id)
    } else if (known) messages[id] = { ...known, flags: entry.flags }
    else fresh.set(id, entry)
  }
  const ids = [...fresh.keys()]
  for (let start = 0; start < ids.length; start += 50) {
    onProgress(start, ids.length)
    const read = await readMessages(account, ids.slice(start, start + 50).map(parseId))
    for (const message of read) {
      const id = formatId(message.messageId)
      const entry = fresh.get(id)
      if (entry) messages[id] = summaryOf(id, entry, message)
    }
  }
  onProgress(ids.length, ids.length)
  return { cursor: toBase64(changes.cursor), messages }
}

function summaryOf(id: string, entry: MailboxEntry, message: ReadMessage): Summary {
  const common = {
    id,
    receivedAt: Number(entry.receivedAtUnixMs),
    size: entry.size,
    flags: entry.flags,
  }
  if ('refused' in message) {
    const { code } = message.refused
    return { ...common, from: entry.sender, to: [], subject: '', attachments: 0, refused: code }
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
