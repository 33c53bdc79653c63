import { toHex } from '@mailx/crypto/encoding'
import { formatId } from '@mailx/crypto/uuid'
import { MailxError } from '@mailx/errors/mailx-error'
import type { MailboxEvent } from '@mailx/events/mailbox'

/** What a decision needs to know of a message in the mailbox. Ids that are not there are left out. */
export type KnownMessage = {
  readonly messageId: Uint8Array
  /** Of all entries under this id: two senders may have chosen the same one. */
  readonly size: number
  readonly entries: number
  readonly flags: readonly string[]
  readonly deleted: boolean
}

export type SetFlags = {
  readonly mailbox: string
  readonly messageIds: readonly Uint8Array[]
  readonly add: readonly string[]
  readonly remove: readonly string[]
}

export type DeleteMessages = {
  readonly mailbox: string
  readonly messageIds: readonly Uint8Array[]
}

const MAX_FLAGS = 64

/**
 * Sets and clears flags of messages that are there. Names only the messages that it changes; nothing
 * to change is no event. Throws NOT_FOUND naming the first id that is not in the mailbox, and
 * TOO_LARGE for more flags than a message may have.
 */
export function setFlags(command: SetFlags, known: readonly KnownMessage[]): MailboxEvent[] {
  const { mailbox, add, remove } = command
  const present = presentMessages(command.messageIds, known)
  const changed = present.filter(
    ({ flags }) =>
      add.some((flag) => !flags.includes(flag)) || remove.some((flag) => flags.includes(flag)),
  )
  for (const { messageId, flags } of changed) {
    const after = new Set([...flags, ...add])
    for (const flag of remove) after.delete(flag)
    if (after.size <= MAX_FLAGS) continue
    throw new MailxError(
      'TOO_LARGE',
      `message ${formatId(messageId)} would have ${after.size} flags, the limit is ${MAX_FLAGS}`,
    )
  }
  if (changed.length === 0) return []
  const messageIds = changed.map(({ messageId }) => messageId)
  return [{ type: 'FlagsChanged', data: { mailbox, messageIds, add, remove } }]
}

/**
 * Deletes messages that are there, and says what that frees. Throws NOT_FOUND naming the first id
 * that is not in the mailbox: nothing is deleted then.
 */
export function deleteMessages(
  command: DeleteMessages,
  known: readonly KnownMessage[],
): MailboxEvent[] {
  const present = presentMessages(command.messageIds, known)
  const freedBytes = present.reduce((bytes, { size }) => bytes + size, 0)
  const freedMessages = present.reduce((count, { entries }) => count + entries, 0)
  const data = {
    mailbox: command.mailbox,
    messageIds: present.map(({ messageId }) => messageId),
    freedBytes: BigInt(freedBytes),
    freedMessages,
  }
  return [{ type: 'MessagesDeleted', data }]
}

/** Each message that was asked for, once. */
function presentMessages(
  messageIds: readonly Uint8Array[],
  known: readonly KnownMessage[],
): KnownMessage[] {
  const byId = new Map(known.map((message) => [toHex(message.messageId), message]))
  const present = new Map<string, KnownMessage>()
  for (const messageId of messageIds) {
    const key = toHex(messageId)
    const message = byId.get(key)
    if (message === undefined || message.deleted) {
      throw new MailxError(
        'NOT_FOUND',
        `message ${formatId(messageId)} is not in this mailbox: list it again; nothing was changed`,
      )
    }
    present.set(key, message)
  }
  return [...present.values()]
}
