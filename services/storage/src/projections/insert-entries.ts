import { byteaArray, int4Array, int8Array, textArray } from '@mailx/event-log/binary-array'
import type { Statement } from '@mailx/event-log/run-statements'
import type { AttachmentBlob } from '@mailx/proto/submission/v1/events'
import type { EntryRow } from './entry-row.ts'

/** Which set of tables: one per context that brings entries. */
export type EntrySource = 'submitted' | 'received'

// Usage counts what was really inserted: the same rows a second time change nothing.
const insert = (source: EntrySource) => `
  with new as (
    insert into storage.entries_${source}
      (mailbox, partition, position, message_id, sender, created_at, received_at, size,
       content_hash, envelope_hash)
      select mailbox, partition, position, message_id, sender, created_at, received_at, size,
             content_hash, envelope_hash
        from unnest($1::text[], $2::text[], $3::int8[], $4::bytea[], $5::text[], $6::int8[], $7::int8[],
                    $8::int4[], $9::bytea[], $10::bytea[])
          as n(partition, mailbox, position, message_id, sender, created_at, received_at, size,
               content_hash, envelope_hash)
      on conflict do nothing
      returning mailbox, partition, size
  )
  insert into storage.usage_${source} as u (mailbox, partition, bytes, messages)
    select mailbox, partition, sum(size), count(*) from new group by mailbox, partition
    on conflict (mailbox, partition) do update
      set bytes = u.bytes + excluded.bytes, messages = u.messages + excluded.messages`

// In order, so that two partitions that name the same blobs do not wait for each other in a circle.
const attach = (source: EntrySource) => `
  insert into storage.attachments_${source} (hash, content_hash)
    select distinct hash, content_hash from unnest($1::bytea[], $2::bytea[]) as n(hash, content_hash)
      order by hash, content_hash
    on conflict do nothing`

const statements = {
  submitted: { insert: insert('submitted'), attach: attach('submitted') },
  received: { insert: insert('received'), attach: attach('received') },
}

/** Adds entries, and what they take. */
export function insertEntries(source: EntrySource, rows: readonly EntryRow[]): Statement[] {
  if (rows.length === 0) return []
  return [
    {
      name: `storage.insert-entries-${source}`,
      text: statements[source].insert,
      values: [
        textArray(rows.map((row) => row.partition)),
        textArray(rows.map((row) => row.mailbox)),
        int8Array(rows.map((row) => row.position)),
        byteaArray(rows.map((row) => row.messageId)),
        textArray(rows.map((row) => row.sender)),
        int8Array(rows.map((row) => row.createdAt)),
        int8Array(rows.map((row) => row.receivedAt)),
        int4Array(rows.map((row) => row.size)),
        byteaArray(rows.map((row) => row.contentHash)),
        byteaArray(rows.map((row) => row.envelopeHash)),
      ],
    },
  ]
}

type Attached = {
  readonly contentHash: Uint8Array
  readonly attachments: readonly AttachmentBlob[]
}

/** Remembers which blobs belong to which content. */
export function insertAttachments(source: EntrySource, messages: readonly Attached[]): Statement[] {
  const pairs = messages.flatMap(({ contentHash, attachments }) =>
    attachments.map(({ hash }) => ({ hash, contentHash })),
  )
  if (pairs.length === 0) return []
  return [
    {
      name: `storage.insert-attachments-${source}`,
      text: statements[source].attach,
      values: [
        byteaArray(pairs.map(({ hash }) => hash)),
        byteaArray(pairs.map(({ contentHash }) => contentHash)),
      ],
    },
  ]
}
