import { MailxError } from '@mailx/errors/mailx-error'
import { pace, retryAfter } from './pace.ts'

export type GroupCommitLimits = {
  /**
   * How long a request waits for company while something is being written, or was just now: so long,
   * times the square root of the events in the transaction before and of its partitions, which tell how
   * much company there will be, and what it spares. Few would be waiting for nobody; for many it pays.
   */
  readonly lingerMs: number
  readonly maxLingerMs: number
  /** Of one transaction. */
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

/** What is written to one partition. */
export type Batch<T> = { readonly partition: string; readonly items: readonly T[] }

type Amount = { events: number; bytes: number }

/** What waits for one partition. */
type Queue<T> = Amount & {
  readonly partition: string
  items: T[]
  busy: boolean
  /** From when on something here does not mind to be written; a `performance.now()`. */
  readyAt: number
  /** When something here is to be written, if that is possible then; a `performance.now()`. */
  dueAt: number
}

export type GroupCommit<T> = {
  /** Throws RESOURCE_EXHAUSTED when too much is waiting, and says when that should be written. */
  add(partition: string, item: T): void
  /** Resolves when nothing is waiting or in flight. */
  drained(): Promise<void>
}

/**
 * Gathers items and has them written, those of all partitions together, but one batch of a partition at
 * a time. It begins at once when nothing was written just now. What arrives meanwhile, or soon after,
 * waits until its partition is free and the oldest has lingered, or there is enough for a transaction:
 * so they grow as soon as there is something to gather, and one costs nearly the same whatever is in it.
 *
 * `write` gives a promise for each batch, in their order: when it resolves, that partition is free.
 */
export function groupCommit<T extends Item>(
  limits: GroupCommitLimits,
  write: (batches: readonly Batch<T>[]) => readonly Promise<void>[],
): GroupCommit<T> {
  const queues = new Map<string, Queue<T>>()
  const waiting: Amount = { events: 0, bytes: 0 }
  /** What waits for partitions that are free. */
  const open: Amount = { events: 0, bytes: 0 }
  const writing = pace()
  let inFlight = 0
  let idleSince = Number.NEGATIVE_INFINITY
  let { lingerMs } = limits
  let timer: NodeJS.Timeout | undefined
  let wakesAt = Infinity
  let isScheduled = false
  let onDrained: (() => void)[] = []

  return { add, drained }

  function add(partition: string, item: T): void {
    if (waiting.events >= limits.maxWaitingEvents || waiting.bytes >= limits.maxWaitingBytes) {
      throw new MailxError('RESOURCE_EXHAUSTED', 'too much is waiting to be stored: slow down', {
        retryAfterMs: retryAfter(writing.msFor(waiting.events)),
      })
    }
    if (waiting.events === 0) writing.begin()
    const queue = queueOf(partition)
    const amount = { events: item.events.length, bytes: item.bytes }
    increase(waiting, amount)
    increase(queue, amount)
    queue.items.push(item)
    const isQuiet = inFlight === 0 && item.since - idleSince >= lingerMs
    note(queue, item, isQuiet ? 0 : lingerMs)
    if (queue.busy) return
    increase(open, amount)
    wake(queue.dueAt)
  }

  function drained(): Promise<void> {
    if (waiting.events === 0) return Promise.resolve()
    return new Promise((resolve) => {
      onDrained.push(resolve)
    })
  }

  /** Writes when that time has come, or at the end of this turn of the event loop if there is enough. */
  function wake(at: number): void {
    if (isFull(open) || at <= performance.now()) {
      if (isScheduled) return
      isScheduled = true
      // Not at once: what else this turn of the event loop brings still gets in.
      setImmediate(() => {
        isScheduled = false
        flush()
      })
    } else if (at < wakesAt) {
      clearTimeout(timer)
      wakesAt = at
      timer = setTimeout(
        () => {
          wakesAt = Infinity
          flush()
        },
        Math.max(0, at - performance.now()),
      )
    }
  }

  function flush(): void {
    const batches = take()
    if (batches.length > 0) {
      const amounts = batches.map(({ items }) => amountOf(items))
      const events = amounts.reduce((sum, amount) => sum + amount.events, 0)
      lingerMs = Math.min(Math.sqrt(events * batches.length) * limits.lingerMs, limits.maxLingerMs)
      inFlight += batches.length
      for (const [index, settled] of write(batches).entries()) {
        const { partition } = batches[index] as Batch<T>
        void settled.finally(() => release(queueOf(partition), amounts[index] as Amount))
      }
    }
    wakeForNext()
  }

  function release(queue: Queue<T>, amount: Amount): void {
    inFlight -= 1
    decrease(waiting, amount)
    writing.done(amount.events)
    idleSince = performance.now()
    queue.busy = false
    increase(open, queue)
    if (queue.items.length > 0) wake(queue.dueAt)
    if (waiting.events === 0) tellDrained()
  }

  function wakeForNext(): void {
    let next = Infinity
    for (const queue of queues.values()) if (!queue.busy) next = Math.min(next, queue.dueAt)
    if (next < Infinity) wake(next)
  }

  /** Who waits longest comes first. Nobody: it is too early for all of them. */
  function take(): Batch<T>[] {
    const now = performance.now()
    const ready = [...queues.values()]
      .filter(
        ({ busy, items, readyAt }) => !busy && items.length > 0 && (readyAt <= now || isFull(open)),
      )
      .toSorted((a, b) => a.dueAt - b.dueAt)
    const [first] = ready
    if (first === undefined || (first.dueAt > now && !isFull(open))) return []
    const taken: Amount = { events: 0, bytes: 0 }
    const batches: Batch<T>[] = []
    for (const queue of ready) {
      const items = takeFrom(queue, taken)
      if (items.length === 0) break
      batches.push({ partition: queue.partition, items })
    }
    return batches
  }

  /** As much as there is room beside what is taken already; the first item in any case. */
  function takeFrom(queue: Queue<T>, taken: Amount): readonly T[] {
    let count = 0
    for (const item of queue.items) {
      const isAbove =
        taken.events + item.events.length > limits.maxBatchEvents ||
        taken.bytes + item.bytes > limits.maxBatchBytes
      if (taken.events > 0 && isAbove) break
      increase(taken, { events: item.events.length, bytes: item.bytes })
      count += 1
    }
    if (count === 0) return []
    decrease(open, queue)
    queue.busy = true
    const items = queue.items.splice(0, count)
    decrease(queue, amountOf(items))
    queue.readyAt = Infinity
    queue.dueAt = Infinity
    for (const item of queue.items) note(queue, item, lingerMs)
    return items
  }

  function note(queue: Queue<T>, { since, patienceMs }: T, ms: number): void {
    queue.readyAt = Math.min(queue.readyAt, since + patienceMs)
    queue.dueAt = Math.min(queue.dueAt, since + Math.max(ms, patienceMs))
  }

  function isFull({ events, bytes }: Amount): boolean {
    return events >= limits.maxBatchEvents || bytes >= limits.maxBatchBytes
  }

  function queueOf(partition: string): Queue<T> {
    const existing = queues.get(partition)
    if (existing !== undefined) return existing
    const queue: Queue<T> = {
      partition,
      items: [],
      events: 0,
      bytes: 0,
      busy: false,
      readyAt: Infinity,
      dueAt: Infinity,
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

function amountOf(items: readonly Item[]): Amount {
  const amount = { events: 0, bytes: 0 }
  for (const { events, bytes } of items) increase(amount, { events: events.length, bytes })
  return amount
}

function increase(amount: Amount, by: Amount): void {
  amount.events += by.events
  amount.bytes += by.bytes
}

function decrease(amount: Amount, by: Amount): void {
  amount.events -= by.events
  amount.bytes -= by.bytes
}
