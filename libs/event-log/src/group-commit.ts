import { MailxError } from '@mailx/errors/mailx-error'
import { pace, retryAfter } from './pace.ts'

export type GroupCommitLimits = {
  /**
   * How long a request waits for company while its partition is busy, or was just now: so long, times
   * the square root of the batch before, which tells how much company there will be. Few would be
   * waiting for nobody; for many it pays.
   */
  readonly lingerMs: number
  readonly maxLingerMs: number
  readonly maxBatchEvents: number
  readonly maxBatchBytes: number
  /** What may wait or be in flight in all partitions together. */
  readonly maxWaitingEvents: number
  readonly maxWaitingBytes: number
}

export const defaultLimits: GroupCommitLimits = {
  lingerMs: 3,
  maxLingerMs: 25,
  maxBatchEvents: 500,
  maxBatchBytes: 4 * 1024 * 1024,
  maxWaitingEvents: 20_000,
  maxWaitingBytes: 64 * 1024 * 1024,
}

type Item = {
  readonly events: { readonly length: number }
  readonly bytes: number
  readonly since: number
  /** So long whoever asked has time at least. */
  readonly patienceMs: number
}

type Queue<T> = {
  readonly items: T[]
  events: number
  bytes: number
  busy: boolean
  /** When the last batch was done; a `performance.now()`. */
  idleSince: number
  lingerMs: number
  /** When the next batch is to start if nothing is being written then; a `performance.now()`. */
  dueAt: number
  timer: NodeJS.Timeout | undefined
}

export type GroupCommit<T> = {
  /** Throws RESOURCE_EXHAUSTED when too much is waiting, and says when that should be written. */
  add(partition: string, item: T): void
  /** Resolves when nothing is waiting or in flight. */
  drained(): Promise<void>
}

/**
 * Gathers items per partition and has them written in batches, one batch of a partition at a time. A
 * batch starts at once when the partition is quiet. What arrives while one is being written, or soon
 * after, waits until that is done and the oldest has lingered, or the next batch is full: so the
 * batches grow as soon as there is something to gather, and a batch costs the same whatever is in it.
 */
export function groupCommit<T extends Item>(
  limits: GroupCommitLimits,
  write: (partition: string, items: readonly T[]) => Promise<void>,
): GroupCommit<T> {
  const queues = new Map<string, Queue<T>>()
  const waiting = { events: 0, bytes: 0 }
  const writing = pace()
  let onDrained: (() => void)[] = []

  return { add, drained }

  function add(partition: string, item: T): void {
    if (waiting.events >= limits.maxWaitingEvents || waiting.bytes >= limits.maxWaitingBytes) {
      throw new MailxError('RESOURCE_EXHAUSTED', 'too much is waiting to be stored: slow down', {
        retryAfterMs: retryAfter(writing.msFor(waiting.events)),
      })
    }
    if (waiting.events === 0) writing.begin()
    waiting.events += item.events.length
    waiting.bytes += item.bytes
    const queue = queueOf(partition)
    queue.items.push(item)
    queue.events += item.events.length
    queue.bytes += item.bytes
    const isQuiet = !queue.busy && item.since - queue.idleSince >= queue.lingerMs
    const dueAt = item.since + Math.max(isQuiet ? 0 : queue.lingerMs, item.patienceMs)
    const isNext = dueAt < queue.dueAt
    if (isNext) queue.dueAt = dueAt
    if (queue.busy) return
    if (isFull(queue)) flush(partition, queue)
    else if (isNext) wait(partition, queue)
  }

  function drained(): Promise<void> {
    if (waiting.events === 0) return Promise.resolve()
    return new Promise((resolve) => {
      onDrained.push(resolve)
    })
  }

  function flush(partition: string, queue: Queue<T>): void {
    if (queue.busy || queue.items.length === 0) return
    clearTimeout(queue.timer)
    queue.timer = undefined
    queue.busy = true
    const batch = take(queue)
    const events = batch.reduce((sum, item) => sum + item.events.length, 0)
    queue.lingerMs = Math.min(Math.sqrt(events) * limits.lingerMs, limits.maxLingerMs)
    void write(partition, batch).finally(() => {
      for (const item of batch) {
        waiting.events -= item.events.length
        waiting.bytes -= item.bytes
      }
      writing.done(events)
      queue.busy = false
      queue.idleSince = performance.now()
      if (isFull(queue)) flush(partition, queue)
      else wait(partition, queue)
      if (waiting.events === 0) tellDrained()
    })
  }

  function wait(partition: string, queue: Queue<T>): void {
    clearTimeout(queue.timer)
    if (queue.items.length === 0) return
    const left = queue.dueAt - performance.now()
    // Not at once: what else this turn of the event loop appends still gets into the batch.
    if (left <= 0) setImmediate(() => flush(partition, queue))
    else queue.timer = setTimeout(() => flush(partition, queue), left)
  }

  function take(queue: Queue<T>): T[] {
    let events = 0
    let bytes = 0
    let count = 0
    for (const item of queue.items) {
      events += item.events.length
      bytes += item.bytes
      if (count > 0 && (events > limits.maxBatchEvents || bytes > limits.maxBatchBytes)) break
      count += 1
    }
    const batch = queue.items.splice(0, count)
    for (const item of batch) {
      queue.events -= item.events.length
      queue.bytes -= item.bytes
    }
    const [oldest] = queue.items
    queue.dueAt = oldest === undefined ? Infinity : oldest.since + queue.lingerMs
    return batch
  }

  function isFull({ events, bytes }: Queue<T>): boolean {
    return events >= limits.maxBatchEvents || bytes >= limits.maxBatchBytes
  }

  function queueOf(partition: string): Queue<T> {
    const existing = queues.get(partition)
    if (existing !== undefined) return existing
    const queue: Queue<T> = {
      items: [],
      events: 0,
      bytes: 0,
      busy: false,
      idleSince: Number.NEGATIVE_INFINITY,
      lingerMs: limits.lingerMs,
      dueAt: Infinity,
      timer: undefined,
    }
    queues.set(partition, queue)
    return queue
  }

  function tellDrained(): void {
    const tell = onDrained
    onDrained = []
    for (const resolve of tell) resolve()
  }
}
