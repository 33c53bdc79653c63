import { toHex } from '@mailx/crypto/encoding'
import { byteaArray } from '@mailx/event-log/binary-array'
import type { Sql } from '@mailx/event-log/sql'
import { Envelope } from '@mailx/proto/envelope/v1/envelope'

/** No envelope is larger; whatever is need not be looked into. */
const MAX_ENVELOPE_BYTES = 4096

// A content is held by live entries and pending copies; an attachment's part by its content.
const heldByContent = `
  with named as (
    select hash, hash as content_hash from unnest($1::bytea[]) as c(hash)
    union
    select a.hash, a.content_hash from storage.attachments a where a.hash = any($1::bytea[])
  )
  select distinct n.hash from named n
    where exists (
        select from storage.entries e where e.content_hash = n.content_hash and not exists (
          select from storage.entry_changes ch
            where ch.mailbox = e.mailbox and ch.message_id = e.message_id and ch.deleted))
      or exists (
        select from storage.remote_copies r where r.content_hash = n.content_hash and not exists (
          select from storage.outcomes o
            where o.message_id = r.message_id and o.recipient = r.recipient
              and o.sender = r.sender and o.state <> 'deferred'))`

const heldAsEnvelope = `
  select n.hash from unnest($1::bytea[], $2::bytea[], $3::text[]) as n(hash, message_id, recipient)
    where exists (
        select from storage.entries e
          where e.mailbox = n.recipient and e.message_id = n.message_id
            and e.envelope_hash = n.hash and not exists (
              select from storage.entry_changes ch
                where ch.mailbox = e.mailbox and ch.message_id = e.message_id and ch.deleted))
      or exists (
        select from storage.remote_copies r
          where r.message_id = n.message_id and r.recipient = n.recipient
            and r.envelope_hash = n.hash and not exists (
              select from storage.outcomes o
                where o.message_id = r.message_id and o.recipient = r.recipient
                  and o.sender = r.sender and o.state <> 'deferred'))`

/** Which of these blobs somebody still needs, in hexadecimal. */
export async function neededBlobs(
  sql: Sql,
  hashes: readonly Uint8Array[],
): Promise<ReadonlySet<string>> {
  if (hashes.length === 0) return new Set()
  const byContent = await sql.query<{ hash: Uint8Array }>(heldByContent, [byteaArray(hashes)])
  const envelopes = await envelopesAmong(sql, hashes)
  const byEnvelope = await sql.query<{ hash: Uint8Array }>(heldAsEnvelope, [
    byteaArray(envelopes.map(({ hash }) => hash)),
    byteaArray(envelopes.map(({ messageId }) => messageId)),
    envelopes.map(({ recipient }) => recipient),
  ])
  return new Set([...byContent.rows, ...byEnvelope.rows].map(({ hash }) => toHex(hash)))
}

/**
 * An envelope says itself whose it is, which saves an index over the hashes of all of them. Anybody
 * may have uploaded a copy of one as an attachment: deleting that must not take the original along.
 */
async function envelopesAmong(sql: Sql, hashes: readonly Uint8Array[]) {
  const { rows } = await sql.query<{ hash: Uint8Array; data: Uint8Array }>(
    'select hash, data from mail.blobs where hash = any($1::bytea[]) and octet_length(data) <= $2',
    [byteaArray(hashes), MAX_ENVELOPE_BYTES],
  )
  return rows.flatMap(({ hash, data }) => {
    const envelope = decodeEnvelope(data)
    return envelope ? [{ hash, messageId: envelope.messageId, recipient: envelope.recipient }] : []
  })
}

function decodeEnvelope(data: Uint8Array): Envelope | undefined {
  try {
    return Envelope.decode(data)
  } catch {
    // Sealed bytes of another kind.
    return undefined
  }
}
