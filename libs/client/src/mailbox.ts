import { encryptionKeyPair } from '@mailx/crypto/agreement'
import { equal } from '@mailx/crypto/encoding'
import { formatId } from '@mailx/crypto/uuid'
import { openAttachment } from '@mailx/envelope/attachment'
import { envelopeFacts } from '@mailx/envelope/envelope-facts'
import { type OpenedMessage, openMessage } from '@mailx/envelope/open-message'
import { type Attachment, isInline } from '@mailx/envelope/payload-attachment'
import { MailxError } from '@mailx/errors/mailx-error'
import type { FetchedMessage, MailboxEntry } from '@mailx/proto/storage/v1/storage_service'
import type { Account } from './account.ts'
import type { DeviceKeys } from './keyring.ts'
import { lookUpKeys } from './look-up-keys.ts'
import { signedIn } from './session.ts'

const PAGE = 500
const FETCH_AT_ONCE = 50

export type Changes = {
  /** New and changed entries, and tombstones of deleted ones, oldest change first. */
  readonly entries: readonly MailboxEntry[]
  /** Where to go on next time. */
  readonly cursor: Uint8Array
}

/** All that changed in the own mailbox since the cursor; an empty cursor means since ever. */
export async function listChanges(account: Account, cursor: Uint8Array): Promise<Changes> {
  const entries: MailboxEntry[] = []
  let at = cursor
  for (;;) {
    const request = { cursor: at, limit: PAGE }
    const page = await signedIn(account, (call) => account.transport.listMessages(request, call))
    entries.push(...page.entries)
    at = page.cursor
    if (!page.more) return { entries, cursor: at }
  }
}

/** A message that was fetched and either opened, or refused with the reason. */
export type ReadMessage =
  | { readonly messageId: Uint8Array; readonly opened: OpenedMessage }
  | { readonly messageId: Uint8Array; readonly refused: MailxError }

/**
 * Fetches and opens messages. Each sender's keys are looked up and verified first; a message that
 * fails a check is returned as refused and shows nothing of itself. Ids that the mailbox does not
 * have are left out.
 */
export async function readMessages(
  account: Account,
  messageIds: readonly Uint8Array[],
): Promise<ReadMessage[]> {
  const read: ReadMessage[] = []
  const me = readerOf(account)
  let wanted = [...messageIds]
  while (wanted.length > 0) {
    const batch = { messageIds: wanted.slice(0, FETCH_AT_ONCE) }
    const fetched = await signedIn(account, (call) => account.transport.fetchMessages(batch, call))
    if (fetched.messages.length === 0) wanted = wanted.slice(FETCH_AT_ONCE)
    for (const message of fetched.messages) read.push(await openFetched(account, me, message))
    const got = new Set(fetched.messages.map(({ messageId }) => formatId(messageId)))
    wanted = wanted.filter((id) => !got.has(formatId(id)))
  }
  return read
}

/** Who opens. Key pairs are derived from seeds, which takes as long as opening a message. */
function readerOf({ keyring: { address, device, mailboxDevice } }: Account): Reader {
  return { address, devices: [device, mailboxDevice].map(readingDevice) }
}

type Reader = Parameters<typeof openMessage>[0]['me']

async function openFetched(
  account: Account,
  me: Reader,
  message: FetchedMessage,
): Promise<ReadMessage> {
  const { messageId, envelope, content } = message
  try {
    const { sender } = envelopeFacts(envelope)
    const [keys] = await lookUpKeys(account, [sender])
    if (keys === undefined) throw new MailxError('NOT_FOUND', `no keys of ${sender}`)
    const opened = openMessage({ envelope, content, me, sender: keys })
    if (!equal(opened.messageId, messageId)) {
      const other = formatId(opened.messageId)
      throw new MailxError('BAD_ENVELOPE', `the server gave message ${other} out under this id`)
    }
    return { messageId, opened }
  } catch (error) {
    if (!(error instanceof MailxError) || passes(error)) throw error
    return { messageId, refused: error }
  }
}

// What another try may mend says nothing about the message.
const passes = ({ code }: MailxError) =>
  code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED' || code === 'RATE_LIMITED'

const readingDevice = (device: DeviceKeys) => ({
  id: device.id,
  encryptionSecretKey: encryptionKeyPair(device.encryptionSeed).secretKey,
})

/** The bytes of an attachment; its parts are fetched where it is not inline. */
export async function readAttachment(
  account: Account,
  attachment: Attachment,
): Promise<Uint8Array> {
  if (isInline(attachment)) return attachment.data
  const parts: Uint8Array[] = []
  const { partHashes } = attachment
  while (parts.length < partHashes.length) {
    const hashes = partHashes.slice(parts.length, parts.length + 4)
    const { blobs } = await signedIn(account, (call) =>
      account.transport.fetchBlobs({ hashes }, call),
    )
    if (blobs.length === 0) {
      throw new MailxError('NOT_FOUND', `the server no longer has all of ${attachment.filename}`)
    }
    parts.push(...blobs)
  }
  return openAttachment(attachment, parts)
}
