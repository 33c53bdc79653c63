import { toHex } from '@mailx/crypto/encoding'
import { formatId } from '@mailx/crypto/uuid'
import { byteaArray } from '@mailx/event-log/binary-array'
import { readBlobs } from '@mailx/event-log/blobs'
import { unary } from '@mailx/grpc/unary'
import type {
  FetchedMessage,
  FetchMessagesRequest,
  FetchMessagesResponse,
} from '@mailx/proto/storage/v1/storage_service'
import { checkMailbox, checkMessageIds } from './check-request.ts'
import { withFetchSpan } from './fetch-span.ts'
import { query } from './query.ts'
import type { StorageDeps } from './storage-deps.ts'

/** An answer stays under 4 MiB: this much for the sealed bytes, the rest for what frames them. */
const MAX_ANSWER_BYTES = 4 * 1024 * 1024 - 64 * 1024

const liveEntries = {
  name: 'storage.live-entries',
  text: `
  select e.message_id, e.partition, e.position, e.content_hash, e.envelope_hash,
         octet_length(c.data) as content_size, octet_length(v.data) as envelope_size
    from storage.entries e
    left join mail.blobs c on c.hash = e.content_hash
    left join mail.blobs v on v.hash = e.envelope_hash
    where e.mailbox = $1 and e.message_id = any($2::bytea[])
      and not exists (
        select from storage.entry_changes ch
          where ch.mailbox = $1 and ch.message_id = e.message_id and ch.deleted)`,
}

type Row = {
  message_id: Uint8Array
  partition: string
  position: string
  content_hash: Uint8Array
  envelope_hash: Uint8Array
  content_size: number | null
  envelope_size: number | null
}

/**
 * Content and envelope of messages, in the order asked. Ids that are not there are left out, and so is
 * what does not fit any more: ask again for the ids behind the last one answered; nothing answered
 * means that none of them is there.
 */
export const fetchMessages = ({ sql, logger }: Pick<StorageDeps, 'sql' | 'logger'>) =>
  unary<FetchMessagesRequest, FetchMessagesResponse>(async (request) => {
    const mailbox = checkMailbox(request.mailbox)
    const messageIds = checkMessageIds(request.messageIds)
    const rows = await query<Row>(sql, liveEntries, [mailbox, byteaArray(messageIds)])
    const stored = rows.filter(isStored)
    for (const { message_id } of rows.filter((row) => !isStored(row))) {
      logger.error({ message_id: formatId(message_id) }, 'an entry has lost its sealed bytes')
    }
    const chosen = firstThatFit(messageIds, stored)
    return withFetchSpan(sql, chosen, async () => ({ messages: await withBlobs(sql, chosen) }))
  })

const isStored = (row: Row): boolean => row.content_size !== null && row.envelope_size !== null

function firstThatFit(messageIds: readonly Uint8Array[], rows: readonly Row[]): Row[] {
  const byId = Map.groupBy(rows, ({ message_id }) => toHex(message_id))
  const wanted = new Set(messageIds.map(toHex))
  const chosen: Row[] = []
  let bytes = 0
  for (const row of [...wanted].flatMap((id) => byId.get(id) ?? [])) {
    bytes += (row.content_size ?? 0) + (row.envelope_size ?? 0)
    if (bytes > MAX_ANSWER_BYTES) break
    chosen.push(row)
  }
  return chosen
}

async function withBlobs(sql: StorageDeps['sql'], rows: readonly Row[]): Promise<FetchedMessage[]> {
  const hashes = rows.flatMap(({ content_hash, envelope_hash }) => [content_hash, envelope_hash])
  const blobs = await readBlobs(sql, hashes)
  const dataOf = new Map(blobs.map(({ hash, data }) => [toHex(hash), data]))
  return rows.flatMap(({ message_id, content_hash, envelope_hash }) => {
    const content = dataOf.get(toHex(content_hash))
    const envelope = dataOf.get(toHex(envelope_hash))
    return content && envelope ? [{ messageId: message_id, content, envelope }] : []
  })
}
