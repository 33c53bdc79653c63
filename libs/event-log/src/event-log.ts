import type { Metadata, Recorded } from '@mailx/events/event'

/** One event to append. `data` is the encoded protobuf message. */
export type NewEvent = {
  readonly type: string
  readonly data: Uint8Array
  readonly metadata?: { readonly actor?: string; readonly causation?: string }
}

export type Blob = { readonly hash: Uint8Array; readonly data: Uint8Array }

/** Events of one stream that are recorded together or not at all, with the blobs they name. */
export type AppendRequest = {
  readonly context: string
  /** The partition key: equal keys share a partition, and so an order. */
  readonly key: string
  readonly stream: string
  /** How many events the stream has. 0: the stream is new. */
  readonly expectedVersion: number | 'any'
  readonly events: readonly NewEvent[]
  readonly blobs?: readonly Blob[]
  /** So long nobody waits for it: it may gather company meanwhile, which makes it cheaper. */
  readonly patienceMs?: number
}

/** The last event of an append. */
export type Appended = {
  readonly partition: string
  readonly position: bigint
  readonly version: number
  readonly recordedAt: number
}

/** An event as it lies in the log: bytes, not yet decoded. */
export type StoredEvent = {
  readonly position: bigint
  readonly stream: string
  readonly version: number
  readonly type: string
  readonly data: Uint8Array
  /** An encoded EventMetadata. */
  readonly metadata: Uint8Array
  readonly recordedAt: number
  /** The chain hash after this event. */
  readonly hash: Uint8Array
}

/** Consecutive events of one partition, and the chain hash before and after them. */
export type CommittedBatch = {
  readonly context: string
  readonly partition: string
  readonly firstPosition: bigint
  readonly previousHash: Uint8Array
  readonly hash: Uint8Array
  readonly events: readonly StoredEvent[]
}

/** `blobs`: what was appended with the events, in no particular order. */
export type CommitListener = (batch: CommittedBatch, blobs: readonly Blob[]) => void

export type Head = {
  readonly context: string
  readonly partition: string
  readonly position: bigint
  readonly hash: Uint8Array
  /** Everything up to here went out on the bus. */
  readonly published: bigint
}

export type ReadRequest = {
  readonly partition: string
  /** The position of the last event already read; 0n reads from the start. */
  readonly after: bigint
  readonly limit: number
}

export type StreamRequest = {
  readonly context: string
  readonly key: string
  readonly stream: string
}

export type EventLog = {
  /**
   * Resolves after COMMIT. Rejects with CONFLICT when the stream is not at `expectedVersion` (nothing
   * was appended), RESOURCE_EXHAUSTED when too much is waiting, STORAGE_FULL, or UNAVAILABLE when
   * Postgres cannot be reached or cannot say whether it committed: try again with the same stream
   * and expected version (a number), which cannot append twice.
   */
  append(request: AppendRequest): Promise<Appended>
  /** All events of a stream, oldest first. */
  readStream(request: StreamRequest): Promise<readonly StoredEvent[]>
  /** Consecutive events after a position, in commit order. Fewer than `limit` means: the end. */
  read(request: ReadRequest): Promise<readonly StoredEvent[]>
  heads(context?: string): Promise<readonly Head[]>
  /** The partition that holds the streams of a key. */
  partitionOf(context: string, key: string): string
  /** All partitions of a context. */
  partitionsOf(context: string): readonly string[]
  /** Called after each COMMIT of this process, in order per partition. Returns how to stop it. */
  onCommitted(listener: CommitListener): () => void
  /** Waits for what is queued, then refuses further appends. */
  close(): Promise<void>
}

export type { Metadata, Recorded }
