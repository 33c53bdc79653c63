import { MailxError } from '@mailx/errors/mailx-error'
import { MailboxCursor } from '@mailx/proto/storage/v1/storage_service'

/** A place in the change history of one mailbox: per partition, the last change that was told. */
export type Cursor = ReadonlyMap<string, bigint>

const MAX_CURSOR_BYTES = 16 * 1024

/** Throws INVALID_ARGUMENT for bytes that are no cursor of ours. Empty bytes are the beginning. */
export function decodeCursor(bytes: Uint8Array): Cursor {
  if (bytes.length > MAX_CURSOR_BYTES) throw notACursor()
  let decoded: MailboxCursor
  try {
    decoded = MailboxCursor.decode(bytes)
  } catch (cause) {
    throw notACursor(cause)
  }
  const cursor = new Map<string, bigint>()
  for (const { partition, position } of decoded.positions) {
    if (partition === '' || position < 1n || cursor.has(partition)) throw notACursor()
    cursor.set(partition, position)
  }
  return cursor
}

/** The same place always gives the same bytes. */
export function encodeCursor(cursor: Cursor): Uint8Array {
  const positions = [...cursor]
    .filter(([, position]) => position > 0n)
    .map(([partition, position]) => ({ partition, position }))
    .toSorted((a, b) => (a.partition < b.partition ? -1 : 1))
  return MailboxCursor.encode({ positions }).finish()
}

const notACursor = (cause?: unknown) =>
  new MailxError(
    'INVALID_ARGUMENT',
    'the cursor is not one that this server gave out: pass the last one unchanged, or an empty one',
    { cause },
  )
