import { MailxError } from '@mailx/errors/mailx-error'
import { firstBreak } from '@mailx/event-log/chain'
import type { EventLog, Head, StoredEvent } from '@mailx/event-log/event-log'
import type { Checkpoint } from './checkpoint.ts'
import type { Page } from './inbox.ts'

/**
 * What follows a checkpoint, from Postgres; undefined when nothing does. CORRUPT_LOG when a position
 * is missing, or when the chain from the checkpoint does not arrive at the head's hash.
 */
export async function readPage(
  log: EventLog,
  after: Checkpoint,
  limit: number,
  head: Head,
): Promise<Page | undefined> {
  const { partition } = head
  checkHead(after, head)
  const events = await log.read({ partition, after: after.position, limit })
  if (events.length === 0) {
    if (head.position > after.position) throw corrupt(partition, after.position + 1n, 'is missing')
    return undefined
  }
  for (const [i, { position }] of events.entries()) {
    const expected = after.position + BigInt(i + 1)
    if (position !== expected) throw corrupt(partition, expected, 'is missing')
  }
  const changed = firstBreak(after.hash, partition, events)
  if (changed !== undefined) throw corrupt(partition, changed, 'is not what was written')
  for (const event of events) checkHead(event, head)
  return { events, end: events.at(-1) as StoredEvent }
}

/** CORRUPT_LOG when a checkpoint at the head's position has another hash than the head. */
export function checkHead({ position, hash }: Checkpoint, head: Head): void {
  if (position === head.position && Buffer.compare(hash, head.hash) !== 0) {
    throw corrupt(head.partition, position, "has another hash than the partition's head")
  }
}

const corrupt = (partition: string, position: bigint, what: string): MailxError =>
  new MailxError(
    'CORRUPT_LOG',
    `partition ${partition}: position ${position} ${what}. Stop writing, verify the log, restore it`,
  )
