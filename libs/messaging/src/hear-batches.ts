import type { CommittedBatch } from '@mailx/event-log/event-log'
import type { NatsConnection } from '@nats-io/nats-core'
import { type ConsumeOptions, consume } from './consume.ts'

export type HearOptions = Omit<ConsumeOptions, 'signal' | 'isNews'> &
  Required<Pick<ConsumeOptions, 'isNews'>> & {
    readonly onBatch: (batch: CommittedBatch) => void
  }

type Listener = Pick<HearOptions, 'isNews' | 'onBatch' | 'onTrouble'>

/** One consumer for all who listen to a context, with the same keys, over the same connection. */
type Ear = Pick<HearOptions, 'context' | 'busKeys'> & {
  readonly listeners: Set<Listener>
  readonly stop: () => Promise<void>
}

const ears = new WeakMap<NatsConnection, Set<Ear>>()

/**
 * As `consume`, for several readers in one process: a batch comes over the network once, is opened
 * once, if it is news to one of them, and handed to all. Returns how to stop listening.
 */
export function hearBatches(options: HearOptions): () => Promise<void> {
  const { nats, busKeys, context } = options
  const ofConnection = ears.get(nats) ?? new Set<Ear>()
  ears.set(nats, ofConnection)
  const known = [...ofConnection].find((one) => one.context === context && one.busKeys === busKeys)
  const ear = known ?? openEar(options)
  ofConnection.add(ear)
  const listener: Listener = options
  ear.listeners.add(listener)
  return async () => {
    ear.listeners.delete(listener)
    if (ear.listeners.size > 0) return
    ofConnection.delete(ear)
    await ear.stop()
  }
}

function openEar({ nats, busKeys, context }: HearOptions): Ear {
  const listeners = new Set<Listener>()
  const stopping = new AbortController()
  const batches = consume({
    nats,
    busKeys,
    context,
    signal: stopping.signal,
    isNews: (partition, position) =>
      [...listeners].some(({ isNews }) => isNews(partition, position)),
    // They share their trouble: one of them tells it.
    onTrouble: (error) => [...listeners][0]?.onTrouble?.(error),
  })
  const hearing = (async () => {
    for await (const batch of batches) for (const { onBatch } of listeners) onBatch(batch)
  })()
  const stop = async () => {
    stopping.abort()
    await hearing
  }
  return { context, busKeys, listeners, stop }
}
