import type { EventLog } from '@mailx/event-log/event-log'
import type { Processor } from './processor.ts'

/** One processor in one partition, whether it runs here or in another replica. */
export type Slot = {
  readonly name: string
  readonly processor: Processor
  readonly context: string
  readonly partition: string
}

export const slotsOf = (log: EventLog, processor: Processor): Slot[] =>
  processor.of.contexts.flatMap((context) =>
    log.partitionsOf(context).map((partition) => ({
      name: `${processor.of.name}@${partition}`,
      processor,
      context,
      partition,
    })),
  )
