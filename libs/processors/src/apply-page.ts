import { crashAt } from '@mailx/config/crash-at'
import type { StoredEvent } from '@mailx/event-log/event-log'
import type { Recorded } from '@mailx/events/event'
import type { ClientBase, Pool } from 'pg'
import {
  beginAt,
  type Checkpoint,
  type CheckpointKey,
  commitAt,
  moveCheckpoint,
} from './checkpoint.ts'
import { parkEvent } from './parked-events.ts'
import { withProcessSpans } from './process-spans.ts'
import type { Processor } from './processor.ts'
import { withClient } from './transaction.ts'
import { turnstileOf } from './turnstile.ts'

export type Step = {
  readonly pool: Pool
  readonly processor: Processor
  readonly key: CheckpointKey
  readonly from: Checkpoint
  readonly to: Checkpoint
}

/**
 * Applies events and moves the checkpoint from one place to the next. False when the checkpoint is
 * not where it was: another process, or a rebuild, moved it, and a projection has changed nothing.
 */
export async function applyEvents(step: Step, events: readonly Recorded[]): Promise<boolean> {
  const { processor, pool, key, from, to } = step
  switch (processor.kind) {
    case 'follower':
      processor.of.apply(events)
      return true

    case 'reactor':
      if (events.length > 0) {
        crashAt('reactor.before-effect')
        await withProcessSpans(processor, events, () => processor.of.react(events))
        crashAt('reactor.after-effect')
      }
      // A crash here: the effect took place and the events come again.
      return moveCheckpoint(pool, key, from.position, to)

    case 'projection': {
      const { of: projection } = processor
      if (events.length === 0) return inTransaction(step, async () => {})
      crashAt('projection.before-apply')
      const applied = await withProcessSpans(processor, events, () =>
        inTransaction(step, async (client) => {
          await projection.apply(client, events)
          crashAt('projection.before-commit')
        }),
      )
      crashAt('projection.after-commit')
      if (applied) projection.afterCommit?.(events)
      return applied
    }
  }
}

/** Parks an event instead of applying it, and moves the checkpoint past it. */
export async function parkAndMove(
  step: Step,
  event: StoredEvent,
  reason: string,
  tries: number,
): Promise<boolean> {
  const { schema, processor, partition } = step.key
  return inTransaction(step, (client) =>
    parkEvent(client, schema, { processor, partition, event, reason, tries }),
  )
}

async function inTransaction(
  { pool, key, from, to }: Step,
  work: (client: ClientBase) => Promise<void>,
): Promise<boolean> {
  const run = async (client: ClientBase) => {
    const begun = await beginAt(client, key, from.position)
    if (begun) {
      await work(client)
      await commitAt(client, key, to)
    }
    return begun
  }
  return turnstileOf(pool).pass(() => withClient(pool, run))
}
