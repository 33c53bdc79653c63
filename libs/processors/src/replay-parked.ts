import { MailxError } from '@mailx/errors/mailx-error'
import type { EventLog } from '@mailx/event-log/event-log'
import type { Recorded } from '@mailx/events/event'
import type { Pool } from 'pg'
import { lockCheckpoints } from './checkpoint.ts'
import { decodePage, reasonOf } from './decode-page.ts'
import { listParked, noteFailedReplay, type ParkedEvent, unparkEvent } from './parked-events.ts'
import type { Projection } from './projection.ts'
import type { Reactor } from './reactor.ts'
import { transaction } from './transaction.ts'

export type ReplayOptions = {
  readonly pool: Pool
  readonly log: EventLog
  readonly schema: string
  readonly processor: Projection | Reactor
  /** Only these; left out: all that the processor has parked. */
  readonly only?: (parked: ParkedEvent) => boolean
}

export type Replayed = {
  readonly applied: readonly ParkedEvent[]
  /** Still parked, with the new reason. */
  readonly failed: readonly ParkedEvent[]
}

/**
 * Applies parked events once more, in log order, each in a transaction of its own that also removes
 * it from the parked ones. Later events of the same stream have been applied meanwhile: where order
 * matters to a projection, rebuild it instead. May run while the service runs.
 */
export async function replayParked(options: ReplayOptions): Promise<Replayed> {
  const { pool, schema, processor, only = () => true } = options
  const applied: ParkedEvent[] = []
  const failed: ParkedEvent[] = []
  for (const parked of (await listParked(pool, schema, processor.name)).filter(only)) {
    try {
      await replay(options, parked)
      applied.push(parked)
    } catch (error) {
      const reason = reasonOf(error)
      await noteFailedReplay(pool, schema, parked, reason)
      failed.push({ ...parked, reason, tries: parked.tries + 1 })
    }
  }
  return { applied, failed }
}

async function replay(options: ReplayOptions, parked: ParkedEvent): Promise<void> {
  const { pool, schema, processor } = options
  const event = await readParked(options, parked)
  if ('react' in processor) {
    await processor.react([event])
    await unparkEvent(pool, schema, parked)
    return
  }
  await transaction(pool, async (client) => {
    // One writer at a time: the running processor waits for this row, or we for it.
    await lockCheckpoints(client, schema, parked.processor, [parked.partition])
    if (await unparkEvent(client, schema, parked)) await processor.apply(client, [event])
  })
}

async function readParked(
  { log, processor }: ReplayOptions,
  { partition, position }: ParkedEvent,
): Promise<Recorded> {
  const [stored] = await log.read({ partition, after: position - 1n, limit: 1 })
  if (stored?.position !== position) {
    throw new MailxError('CORRUPT_LOG', `position ${position} is missing in ${partition}`)
  }
  const { wanted, poison } = decodePage(processor, partition, [stored])
  const [event] = wanted
  if (event === undefined) throw new MailxError('INTERNAL', poison ?? 'the event is not wanted')
  return event
}
