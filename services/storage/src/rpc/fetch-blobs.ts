import { toHex } from '@mailx/crypto/encoding'
import { MailxError } from '@mailx/errors/mailx-error'
import { byteaArray } from '@mailx/event-log/binary-array'
import { readBlobs } from '@mailx/event-log/blobs'
import { unary } from '@mailx/grpc/unary'
import type { FetchBlobsRequest, FetchBlobsResponse } from '@mailx/proto/storage/v1/storage_service'
import { checkHashes, checkMailbox } from './check-request.ts'
import { query } from './query.ts'
import type { StorageDeps } from './storage-deps.ts'

const MAX_ANSWER_BYTES = 4 * 1024 * 1024 - 64 * 1024

const namedBlobs = {
  name: 'storage.named-blobs',
  text: `
  select distinct b.hash, octet_length(b.data) as size
    from mail.blobs b
    join storage.attachments a on a.hash = b.hash
    cross join lateral (
      select mailbox, message_id from storage.entries
        where content_hash = a.content_hash offset 0) e
    where b.hash = any($2::bytea[]) and e.mailbox = $1
      and not exists (
        select from storage.entry_changes ch
          where ch.mailbox = $1 and ch.message_id = e.message_id and ch.deleted)`,
}

/**
 * Parts of attachments, in the order asked: only those that an entry of this mailbox names. As many
 * as fit; ask again for the rest. Throws NOT_FOUND naming the first that is not to be had.
 */
export const fetchBlobs = ({ sql }: Pick<StorageDeps, 'sql'>) =>
  unary<FetchBlobsRequest, FetchBlobsResponse>(async (request) => {
    const mailbox = checkMailbox(request.mailbox)
    const hashes = checkHashes(request.hashes)
    const rows = await query<{ hash: Uint8Array; size: number }>(sql, namedBlobs, [
      mailbox,
      byteaArray(hashes),
    ])
    const sizes = new Map(rows.map(({ hash, size }) => [toHex(hash), size]))
    const chosen: Uint8Array[] = []
    let bytes = 0
    for (const hash of hashes) {
      const size = sizes.get(toHex(hash))
      if (size === undefined) throw notNamed(hash)
      bytes += size
      if (bytes > MAX_ANSWER_BYTES) break
      chosen.push(hash)
    }
    const blobs = await readBlobs(sql, chosen)
    const dataOf = new Map(blobs.map(({ hash, data }) => [toHex(hash), data]))
    return {
      blobs: chosen.map((hash) => {
        const data = dataOf.get(toHex(hash))
        if (data === undefined) throw notNamed(hash)
        return data
      }),
    }
  })

const notNamed = (hash: Uint8Array) =>
  new MailxError('NOT_FOUND', `no message in this mailbox has an attachment part ${toHex(hash)}`)
