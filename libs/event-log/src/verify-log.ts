import { firstBreak, GENESIS } from './chain.ts'
import type { EventLog } from './event-log.ts'

export type LogVerdict =
  | { readonly sound: true; readonly partition: string; readonly events: bigint }
  | {
      readonly sound: false
      readonly partition: string
      /** The first position at which the log is not what was written. */
      readonly position: bigint
      readonly problem: string
    }

const PAGE_EVENTS = 1000

/**
 * Walks a partition from its first event to its head and reports the first position that is missing,
 * whose content does not fit its hash, or that is not what the head row says. Changes nothing,
 * whatever it finds.
 */
export async function verifyLog(log: EventLog, partition: string): Promise<LogVerdict> {
  const head = (await log.heads()).find((candidate) => candidate.partition === partition)
  const broken = (position: bigint, problem: string): LogVerdict => ({
    sound: false,
    partition,
    position,
    problem,
  })
  if (head === undefined) return broken(0n, 'there is no such partition')
  let position = 0n
  let hash = GENESIS
  while (position < head.position) {
    const limit = Math.min(PAGE_EVENTS, Number(head.position - position))
    const events = await log.read({ partition, after: position, limit })
    const gap = events.findIndex((event, i) => event.position !== position + BigInt(i + 1))
    const whole = gap === -1 ? events : events.slice(0, gap)
    const changed = firstBreak(hash, partition, whole)
    if (changed !== undefined) return broken(changed, 'the event is not what was written')
    const last = whole.at(-1)
    if (last === undefined || whole.length < events.length) {
      return broken(position + BigInt(whole.length + 1), 'the event is missing')
    }
    position = last.position
    hash = last.hash
  }
  if (Buffer.compare(hash, head.hash) !== 0) {
    return broken(position, 'the head of the partition has another hash than its last event')
  }
  const [beyond] = await log.read({ partition, after: position, limit: 1 })
  const newHead = (await log.heads(head.context)).find((h) => h.partition === partition)
  if (beyond !== undefined && newHead?.position === position) {
    return broken(beyond.position, 'there is an event beyond the head of the partition')
  }
  return { sound: true, partition, events: position }
}
