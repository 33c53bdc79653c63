import { isMacUnderOne, type Keys } from '@mailx/crypto/current-keys'
import { blake2b } from '@mailx/crypto/hash'
import { chainEvents } from '@mailx/event-log/chain'
import type { CommittedBatch, StoredEvent } from '@mailx/event-log/event-log'
import { encodeMessage } from '@mailx/events/encode'
import { Batch, SealedBatch } from '@mailx/proto/log/v1/batch'

/** The bytes that travel: the batch and its keyed BLAKE2b-256. */
export function sealBatch(busKeys: Keys, batch: CommittedBatch): Uint8Array {
  const { partition, firstPosition, previousHash, hash } = batch
  const events = batch.events.map((event) => ({
    ...event,
    recordedAtUnixMs: BigInt(event.recordedAt),
  }))
  const bytes = encodeMessage(Batch, { partition, firstPosition, previousHash, hash, events })
  return encodeMessage(SealedBatch, { batch: bytes, mac: macOf(busKeys[0], bytes) })
}

/**
 * The batch in the bytes; undefined unless its MAC is right, its positions follow each other and its
 * hash is the chain over its events. Whether it continues what the reader has is for the reader to see.
 */
export function openBatch(busKeys: Keys, sealed: Uint8Array): CommittedBatch | undefined {
  const batch = decode(busKeys, sealed)
  if (batch === undefined) return undefined
  const { partition, firstPosition, previousHash, hash } = batch
  const inOrder = batch.events.every(({ position }, i) => position === firstPosition + BigInt(i))
  if (!inOrder || batch.events.length === 0 || previousHash.length !== 32) return undefined
  const unchained = batch.events.map(({ recordedAtUnixMs, ...event }) => ({
    ...event,
    recordedAt: Number(recordedAtUnixMs),
  }))
  const events = chainEvents(previousHash, partition, unchained)
  if (Buffer.compare(events.at(-1)?.hash ?? previousHash, hash) !== 0) return undefined
  const context = partition.slice(0, partition.lastIndexOf('-'))
  return { context, partition, firstPosition, previousHash, hash, events }
}

const macOf = (key: Uint8Array, batch: Uint8Array): Uint8Array => blake2b(batch, { key })

function decode(busKeys: Keys, sealed: Uint8Array): Batch | undefined {
  try {
    const { batch, mac } = SealedBatch.decode(sealed)
    if (!isMacUnderOne(busKeys, mac, (key) => macOf(key, batch))) return undefined
    return Batch.decode(batch)
  } catch {
    // Not protobuf: from somebody without the key.
    return undefined
  }
}

const EVENT_OVERHEAD_BYTES = 64

/** The same events in batches below a size. A single event above it makes a batch of its own. */
export function splitBatch(batch: CommittedBatch, maxBytes: number): CommittedBatch[] {
  const parts: CommittedBatch[] = []
  let { previousHash } = batch
  let from = 0
  while (from < batch.events.length) {
    let to = from
    let bytes = 0
    do {
      bytes += eventBytes(batch.events[to] as StoredEvent)
      to += 1
    } while (
      to < batch.events.length &&
      bytes + eventBytes(batch.events[to] as StoredEvent) <= maxBytes
    )
    if (from === 0 && to === batch.events.length) return [batch]
    const events = batch.events.slice(from, to)
    const firstPosition = batch.firstPosition + BigInt(from)
    const { hash } = events.at(-1) as StoredEvent
    parts.push({ ...batch, firstPosition, previousHash, hash, events })
    previousHash = hash
    from = to
  }
  return parts
}

const eventBytes = ({ stream, type, data, metadata }: StoredEvent): number =>
  3 * (stream.length + type.length) + data.length + metadata.length + EVENT_OVERHEAD_BYTES
