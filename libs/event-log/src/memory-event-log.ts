import { MailxError } from '@mailx/errors/mailx-error'
import { EventMetadata } from '@mailx/proto/log/v1/batch'
import { chainEvents, GENESIS } from './chain.ts'
import type { AppendRequest, CommitListener, EventLog, StoredEvent } from './event-log.ts'
import { partitionIndex, partitionName } from './partition-of.ts'
import { checkRequest } from './pending-append.ts'

/**
 * A log that lives in this process and keeps the promises of the real one but durability: for tests
 * of what decides and appends. Blobs are not kept. It knows the contexts it is given.
 */
export function memoryEventLog(
  contexts: { readonly [context: string]: number },
  now: () => number,
): EventLog {
  const partitions = new Map<string, StoredEvent[]>()
  const listeners = new Set<CommitListener>()
  for (const context of Object.keys(contexts)) {
    for (const partition of partitionsOf(context)) partitions.set(partition, [])
  }

  return {
    async append(request) {
      checkRequest(request)
      const { context, key, stream, expectedVersion } = request
      const partition = partitionOf(context, key)
      const log = eventsOf(partition)
      const before = log.filter((event) => event.stream === stream).length
      if (expectedVersion !== 'any' && expectedVersion !== before) {
        const message = `stream ${stream} is at version ${before}, not at ${expectedVersion}`
        throw new MailxError('CONFLICT', message)
      }
      const recordedAt = now()
      const previousHash = log.at(-1)?.hash ?? GENESIS
      const firstPosition = BigInt(log.length + 1)
      const events = chainEvents(
        previousHash,
        partition,
        newEvents(request, firstPosition, before, recordedAt),
      )
      log.push(...events)
      const { position, version, hash } = events.at(-1) as StoredEvent
      const batch = { context, partition, firstPosition, previousHash, hash, events }
      for (const listener of listeners) listener(batch, request.blobs ?? [])
      return { partition, position, version, recordedAt }
    },
    readStream: async ({ context, key, stream }) =>
      eventsOf(partitionOf(context, key)).filter((event) => event.stream === stream),
    read: async ({ partition, after, limit }) =>
      eventsOf(partition).slice(Number(after), Number(after) + limit),
    heads: async (context) =>
      Object.keys(contexts)
        .filter((name) => context === undefined || name === context)
        .flatMap((name) => partitionsOf(name).map((partition) => headOf(name, partition))),
    partitionOf,
    partitionsOf,
    onCommitted(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    close: async () => {},
  }

  function headOf(context: string, partition: string) {
    const last = eventsOf(partition).at(-1)
    const { position = 0n, hash = GENESIS } = last ?? {}
    return { context, partition, position, hash, published: position }
  }

  function partitionOf(context: string, key: string): string {
    return partitionName(context, partitionIndex(key, countOf(context)))
  }

  function partitionsOf(context: string): string[] {
    return Array.from({ length: countOf(context) }, (_, index) => partitionName(context, index))
  }

  function countOf(context: string): number {
    const count = contexts[context]
    if (count === undefined) throw new MailxError('INTERNAL', `no context ${context} in this log`)
    return count
  }

  function eventsOf(partition: string): StoredEvent[] {
    const events = partitions.get(partition)
    if (events === undefined) throw new MailxError('INTERNAL', `no partition ${partition}`)
    return events
  }
}

function newEvents(
  { stream, events }: AppendRequest,
  firstPosition: bigint,
  versionBefore: number,
  recordedAt: number,
): Omit<StoredEvent, 'hash'>[] {
  return events.map(({ type, data, metadata: { actor = '', causation = '' } = {} }, i) => ({
    position: firstPosition + BigInt(i),
    stream,
    version: versionBefore + i + 1,
    type,
    data,
    metadata: EventMetadata.encode({ traceparent: '', actor, causation }).finish(),
    recordedAt,
  }))
}
