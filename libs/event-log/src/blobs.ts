import { byteaArray } from './binary-array.ts'
import type { Blob } from './event-log.ts'
import type { Sql } from './sql.ts'

/** The blobs that are there, in no particular order; erased ones are left out. */
export async function readBlobs(sql: Sql, hashes: readonly Uint8Array[]): Promise<Blob[]> {
  if (hashes.length === 0) return []
  const { rows } = await sql.query<{ hash: Uint8Array; data: Uint8Array }>({
    name: 'mail.blobs',
    text: 'select hash, data from mail.blobs where hash = any($1::bytea[])',
    values: [byteaArray(hashes)],
  })
  return rows
}

/** Stores blobs that no event names yet: parts of an attachment that are uploaded ahead. */
export async function writeBlobs(sql: Sql, blobs: readonly Blob[], now: number): Promise<void> {
  if (blobs.length === 0) return
  const sorted = blobs.toSorted((a, b) => Buffer.compare(a.hash, b.hash))
  await sql.query(
    `insert into mail.blobs (hash, data, created_at, ahead)
       select distinct on (n.hash) n.hash, n.data, $3, true
         from unnest($1::bytea[], $2::bytea[]) as n(hash, data)
         order by n.hash
     on conflict (hash) do update set created_at = excluded.created_at, ahead = true`,
    [byteaArray(sorted.map((b) => b.hash)), byteaArray(sorted.map((b) => b.data)), now],
  )
}

/**
 * Erases blobs for ever. `storedBefore` spares those that somebody stored or named anew since the
 * caller looked for holders.
 */
export async function deleteBlobs(
  sql: Sql,
  hashes: readonly Uint8Array[],
  storedBefore: number,
): Promise<number> {
  if (hashes.length === 0) return 0
  const { rowCount } = await sql.query(
    'delete from mail.blobs where hash = any($1::bytea[]) and created_at < $2',
    [byteaArray(hashes), storedBefore],
  )
  return rowCount ?? 0
}
