import { blake2b256 } from '@mailx/crypto/hash'
import type { StoredEvent } from './event-log.ts'

/** An event before it has its place in the chain. */
export type Unchained = Omit<StoredEvent, 'hash'>

/** The chain hash before the first event of a partition. */
export const GENESIS: Uint8Array = new Uint8Array(32)

const HASH_BYTES = 32
const FIXED_BYTES = HASH_BYTES + 8 + 8 + 4 + 5 * 4

let scratch = Buffer.allocUnsafeSlow(16 * 1024)

/**
 * The chain hash after an event: BLAKE2b-256 of the hash before it, position, time and version, then
 * partition, stream, type, data and metadata, each preceded by its length. It binds
 * the event to its place, so no event can be changed, moved, dropped or slipped in unseen.
 */
export function eventHash(previous: Uint8Array, partition: string, event: Unchained): Uint8Array {
  const { stream, type, data, metadata } = event
  const size =
    FIXED_BYTES +
    3 * (partition.length + stream.length + type.length) +
    data.length +
    metadata.length
  if (size > scratch.length) scratch = Buffer.allocUnsafeSlow(2 * size)
  scratch.set(previous, 0)
  let at = HASH_BYTES
  at = scratch.writeBigUInt64BE(event.position, at)
  at = scratch.writeBigUInt64BE(BigInt(event.recordedAt), at)
  at = scratch.writeUInt32BE(event.version, at)
  at = writeText(partition, at)
  at = writeText(stream, at)
  at = writeText(type, at)
  at = writeBytes(data, at)
  at = writeBytes(metadata, at)
  return blake2b256(scratch.subarray(0, at))
}

/** The events with their hashes, continuing from the hash before the first. */
export function chainEvents(
  previous: Uint8Array,
  partition: string,
  events: readonly Unchained[],
): StoredEvent[] {
  let hash = previous
  return events.map((event) => {
    hash = eventHash(hash, partition, event)
    return { ...event, hash }
  })
}

/** The position of the first event whose hash is not the one that the chain gives it. */
export function firstBreak(
  previous: Uint8Array,
  partition: string,
  events: readonly StoredEvent[],
): bigint | undefined {
  let before = previous
  for (const event of events) {
    if (Buffer.compare(eventHash(before, partition, event), event.hash) !== 0) return event.position
    before = event.hash
  }
  return undefined
}

function writeText(text: string, at: number): number {
  const length = scratch.write(text, at + 4, 'utf8')
  return scratch.writeUInt32BE(length, at) + length
}

function writeBytes(bytes: Uint8Array, at: number): number {
  scratch.set(bytes, at + 4)
  return scratch.writeUInt32BE(bytes.length, at) + bytes.length
}
