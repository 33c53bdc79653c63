import { toHex } from '@mailx/crypto/encoding'
import { MAX_MESSAGE_BYTES } from '@mailx/envelope/limits'
import { MailxError } from '@mailx/errors/mailx-error'
import { byteaArray } from '@mailx/event-log/binary-array'
import type { Sql } from '@mailx/event-log/sql'
import type { AttachmentBlob } from '@mailx/proto/submission/v1/events'
import type { SealedMessage } from '../deciders/check-submission.ts'

// To be named counts as being stored anew: nobody collects these bytes before the message is known.
const touch = {
  name: 'gateway.touch-blobs',
  text: 'select hash, size from mail.touch_blobs($1::bytea[], $2)',
}

/**
 * The parts that a message names, with their sizes. Throws NOT_FOUND naming the first that was not
 * uploaded, TOO_LARGE when the message with them is over the limit.
 */
export async function attachmentBlobs(
  sql: Sql,
  message: SealedMessage,
  now: number,
): Promise<AttachmentBlob[]> {
  const hashes = message.attachmentHashes
  if (hashes.length === 0) return []
  const { rows } = await sql.query<{ hash: Uint8Array; size: number }>({
    ...touch,
    values: [byteaArray(hashes), now],
  })
  const sizes = new Map(rows.map(({ hash, size }) => [toHex(hash), size]))
  let bytes = message.content.length
  return hashes.map((hash) => {
    const size = sizes.get(toHex(hash))
    if (size === undefined) {
      throw new MailxError(
        'NOT_FOUND',
        `the attachment part ${toHex(hash)} is not here: upload it, then submit again`,
      )
    }
    bytes += size
    if (bytes > MAX_MESSAGE_BYTES) {
      throw new MailxError(
        'TOO_LARGE',
        `the message has over ${MAX_MESSAGE_BYTES} bytes with its attachments, which is the limit`,
      )
    }
    return { hash, size }
  })
}
