import type { Message } from './message.ts'

/** Where messages come from and go to. */
export type Flow = {
  /** The next message, sealed. */
  readonly next: () => Promise<Message>
  readonly send: (batch: readonly Message[]) => void
  /** Milliseconds since the start of the run. */
  readonly now: () => number
  /** Resolves when there is room for so many more undecided messages. */
  readonly room: (count: number) => Promise<void>
  readonly signal: AbortSignal
}

// How long this loop may keep the connections waiting.
const TURN_MS = 4

/**
 * Open loop: each message leaves at its time, or as soon after it as this process can, whatever became
 * of the others. `times` are in milliseconds since the start.
 */
export async function dispatchAt(times: readonly number[], flow: Flow): Promise<void> {
  const { now, signal } = flow
  let batch: Message[] = []
  let turnBegan = now()
  const leave = () => {
    if (batch.length > 0) flow.send(batch)
    batch = []
  }
  for (const due of times) {
    if (signal.aborted) break
    const wait = due - now()
    if (wait > 0 || now() - turnBegan > TURN_MS) {
      leave()
      if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait))
      await nextTurn()
      turnBegan = now()
    }
    await flow.room(batch.length + 1)
    const message = await flow.next()
    message.due = due
    batch.push(message)
  }
  leave()
}

/** As fast as the room allows, `inARow` messages at a time, until the count or the time is up. */
export async function dispatchMax(
  limit: { readonly count: number; readonly ms: number; readonly inARow: number },
  flow: Flow,
): Promise<void> {
  const { now, signal } = flow
  let turnBegan = now()
  for (let sent = 0; sent < limit.count && now() < limit.ms && !signal.aborted; ) {
    const size = Math.min(limit.inARow, limit.count - sent)
    await flow.room(size)
    const batch: Message[] = []
    while (batch.length < size) batch.push(await flow.next())
    const due = now()
    for (const message of batch) message.due = due
    flow.send(batch)
    sent += size
    if (now() - turnBegan > TURN_MS) {
      await nextTurn()
      turnBegan = now()
    }
  }
}

/**
 * Lets the connections be read. A timer alone does not: Node runs timers that came due while others ran
 * before it looks at a connection again, and where sending takes as long as the next message is away,
 * that is never.
 */
const nextTurn = () => new Promise((resolve) => setImmediate(resolve))
