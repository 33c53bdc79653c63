import { crashAt } from '@mailx/config/crash-at'
import { toHex } from '@mailx/crypto/encoding'
import { blake2b256 } from '@mailx/crypto/hash'
import { byteaArray } from '@mailx/event-log/binary-array'
import { writeBlobs } from '@mailx/event-log/blobs'
import type { Sql } from '@mailx/event-log/sql'
import { counter } from '@mailx/telemetry/metrics'

const attachmentBytes = counter({
  name: 'mailx_attachment_bytes_total',
  help: 'Bytes of attachment parts that were stored, by who sent them.',
  labelNames: ['from'],
})

const DAY_MS = 24 * 60 * 60 * 1000
/** A message that was not delivered by then names parts that are gone: the peer sends them again. */
const KEEP_MS = 7 * DAY_MS

/** Parts of attachments, which peers send ahead of the messages that name them. */
export type Uploads = {
  store(origin: string, part: Uint8Array): Promise<void>
  /** The sizes of the parts that the origin itself has sent, by the hex of their hash. */
  sizesOf(origin: string, hashes: readonly Uint8Array[]): Promise<ReadonlyMap<string, number>>
  forgetOld(): Promise<void>
}

export const uploads = (sql: Sql, now: () => number): Uploads => ({
  store: async (origin, part) => {
    const hash = blake2b256(part)
    await writeBlobs(sql, [{ hash, data: part }], now())
    crashAt('inbound.after-part')
    attachmentBytes.inc({ from: 'peer' }, part.length)
    await sql.query(
      `insert into inbound.uploads (origin, hash, size, uploaded_at) values ($1, $2, $3, $4)
         on conflict (origin, hash) do update set uploaded_at = excluded.uploaded_at`,
      [origin, hash, part.length, now()],
    )
    crashAt('inbound.after-upload')
  },
  sizesOf: async (origin, hashes) => {
    if (hashes.length === 0) return new Map()
    const { rows } = await sql.query<{ hash: Uint8Array; size: number }>(
      'select hash, size from inbound.uploads where origin = $1 and hash = any($2::bytea[])',
      [origin, byteaArray(hashes)],
    )
    return new Map(rows.map(({ hash, size }) => [toHex(hash), size]))
  },
  forgetOld: async () => {
    await sql.query('delete from inbound.uploads where uploaded_at < $1', [now() - KEEP_MS])
  },
})
