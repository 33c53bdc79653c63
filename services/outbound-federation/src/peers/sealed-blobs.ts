import { toHex } from '@mailx/crypto/encoding'
import { readBlobs } from '@mailx/event-log/blobs'
import type { EventLog } from '@mailx/event-log/event-log'
import type { Sql } from '@mailx/event-log/sql'
import type { Recorded } from '@mailx/events/event'
import { type SubmissionEvent, submissionEvents } from '@mailx/events/submission'
import { decodePage } from '@mailx/processors/decode-page'
import { remoteDeliveries } from '../projections/due-deliveries.ts'

export type SealedBlobs = {
  /** By the hex of their hash; erased ones are left out. */
  read(hashes: readonly Uint8Array[]): Promise<ReadonlyMap<string, Uint8Array>>
  stop(): void
}

const MAX_BYTES = 16 * 1024 * 1024

const wanted = { events: submissionEvents, handles: ['MessageAccepted'] }

/**
 * The sealed bytes of deliveries. Where the gateway is in this process, those that it has just taken are
 * still here and are handed out once, the newest 16 MiB; everything else is read from Postgres.
 */
export function sealedBlobs(
  sql: Sql,
  log: Pick<EventLog, 'onCommitted'>,
  maxBytes = MAX_BYTES,
): SealedBlobs {
  const recent = new Map<string, Uint8Array>()
  let bytes = 0

  const stop = log.onCommitted(({ context, events, partition }, blobs) => {
    if (context !== 'submission') return
    const accepted = decodePage(wanted, partition, events).wanted as Recorded<SubmissionEvent>[]
    const remote = accepted.flatMap(remoteDeliveries)
    if (remote.length === 0) return
    const sealed = new Map(blobs.map(({ data, hash }) => [toHex(hash), data]))
    for (const { data, recipient } of remote) {
      keep(toHex(data.contentHash), sealed)
      keep(toHex(recipient.envelopeHash), sealed)
    }
  })
  return { read, stop }

  async function read(hashes: readonly Uint8Array[]): Promise<ReadonlyMap<string, Uint8Array>> {
    const found = new Map<string, Uint8Array>()
    const missing: Uint8Array[] = []
    for (const hash of hashes) {
      const data = take(toHex(hash))
      if (data === undefined) missing.push(hash)
      else found.set(toHex(hash), data)
    }
    for (const { data, hash } of await readBlobs(sql, missing)) found.set(toHex(hash), data)
    return found
  }

  function keep(hash: string, sealed: ReadonlyMap<string, Uint8Array>): void {
    const blob = sealed.get(hash)
    if (blob === undefined || recent.has(hash)) return
    recent.set(hash, blob)
    bytes += blob.length
    for (const oldest of recent.keys()) {
      if (bytes <= maxBytes) break
      take(oldest)
    }
  }

  function take(hash: string): Uint8Array | undefined {
    const blob = recent.get(hash)
    if (blob !== undefined) bytes -= blob.length
    recent.delete(hash)
    return blob
  }
}
