import type { StoredEvent } from '@mailx/event-log/event-log'
import { decodeEvent } from '@mailx/events/codec'
import type { Codecs, Metadata, Recorded } from '@mailx/events/event'
import { EventMetadata } from '@mailx/proto/log/v1/batch'

type Wanted = { readonly events: Codecs; readonly handles?: readonly string[] }

export type Decoded = {
  /** What the processor wants of the first `count` events. */
  readonly wanted: readonly Recorded[]
  /** How many events are dealt with by applying `wanted`. */
  readonly count: number
  /** Why the event after those cannot be given to the processor. */
  readonly poison?: string
}

/** Decodes up to the first event that is needed and cannot be decoded. */
export function decodePage(
  { events: codecs, handles }: Wanted,
  partition: string,
  stored: readonly StoredEvent[],
): Decoded {
  const wanted: Recorded[] = []
  for (const [count, event] of stored.entries()) {
    if (handles !== undefined && !handles.includes(event.type)) continue
    try {
      const recorded = decodeOnce(codecs, partition, event)
      if (recorded === undefined) return { wanted, count, poison: 'unknown event type' }
      wanted.push(recorded)
    } catch (error) {
      return { wanted, count, poison: `not decodable: ${reasonOf(error)}` }
    }
  }
  return { wanted, count: stored.length }
}

export const reasonOf = (error: unknown): string =>
  (error instanceof Error ? error.message : String(error)).slice(0, 500)

// Several processors of a service get the same events; each is decoded once. What was decoded is kept
// on the event: what a WeakMap that lives long holds outlives its key until the next major collection.
const DECODED = Symbol('decoded')
type Decodable = StoredEvent & { [DECODED]?: { codec: unknown; recorded: Recorded } }

function decodeOnce(codecs: Codecs, partition: string, event: Decodable): Recorded | undefined {
  const codec = codecs[event.type]
  const existing = event[DECODED]
  if (existing !== undefined && existing.codec === codec) return existing.recorded
  const known = decodeEvent(codecs, event)
  if (known === undefined) return undefined
  const { position, stream, version, recordedAt } = event
  const metadata = decodeMetadata(event.metadata)
  const recorded = { ...known, partition, position, stream, version, recordedAt, metadata }
  event[DECODED] = { codec, recorded }
  return recorded
}

const NO_METADATA: Metadata = { traceparent: '', actor: '', causation: '' }

const decodeMetadata = (bytes: Uint8Array): Metadata =>
  bytes.length === 0 ? NO_METADATA : EventMetadata.decode(bytes)
