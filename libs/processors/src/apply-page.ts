import { crashAt } from '@mailx/config/crash-at'
import type { StoredEvent } from '@mailx/event-log/event-log'
import { runStatements, type Statement, type TextRows } from '@mailx/event-log/run-statements'
import type { Recorded } from '@mailx/events/event'
import type { ClientBase, Pool } from 'pg'
import {
  beginAt,
  type Checkpoint,
  type CheckpointKey,
  commitAt,
  hasNotMoved,
  moveStatement,
} from './checkpoint.ts'
import { parkEvent } from './parked-events.ts'
import { withProcessSpans } from './process-spans.ts'
import type { Processor } from './processor.ts'
import type { Projection } from './projection.ts'
import { withClient } from './transaction.ts'
import { turnstileOf } from './turnstile.ts'

export type Step = {
  readonly pool: Pool
  readonly processor: Processor
  readonly key: CheckpointKey
  /** The checkpoint in Postgres. */
  readonly from: Checkpoint
  readonly to: Checkpoint
}

/**
 * What became of the checkpoint. moved: to the end of the events. unmoved: it may be moved later,
 * because applying the events again would be harmless. lost: it is not where it was, for another process or a
 * rebuild moved it, and a projection has changed nothing.
 */
export type Applied = 'moved' | 'unmoved' | 'lost'

/** Applies events, and moves the checkpoint with what they change in a projection's tables. */
export async function applyEvents(step: Step, events: readonly Recorded[]): Promise<Applied> {
  const { processor } = step
  if (events.length === 0) return 'unmoved'
  switch (processor.kind) {
    case 'follower':
      processor.of.apply(events)
      return 'unmoved'

    case 'reactor':
      crashAt('reactor.before-effect')
      await withProcessSpans(processor, events, () => processor.of.react(events))
      crashAt('reactor.after-effect')
      // A crash here: the effect took place and the events come again.
      return 'unmoved'

    case 'projection': {
      const { of: projection } = processor
      crashAt('projection.before-apply')
      const { applied, results } = await withProcessSpans(processor, events, () =>
        projection.statements
          ? runAll(step, projection.statements(events))
          : applyAll(step, projection, events),
      )
      crashAt('projection.after-commit')
      if (applied !== 'lost') projection.afterCommit?.(events, results)
      return applied
    }
  }
}

type Outcome = { readonly applied: Applied; readonly results: readonly TextRows[] }

/** One round trip: the checkpoint first, so that nothing is written unless it moves. */
async function runAll(
  { pool, key, from, to }: Step,
  statements: readonly Statement[],
): Promise<Outcome> {
  if (statements.length === 0) return { applied: 'unmoved', results: [] }
  const all = [moveStatement(key, from.position, to), ...statements]
  return turnstileOf(pool).pass(async () => {
    const client = await pool.connect()
    try {
      const answer = runStatements(client, all)
      crashAt('projection.before-commit')
      const [, ...results] = await answer
      client.release()
      return { applied: 'moved', results }
    } catch (error) {
      client.release(true)
      if (hasNotMoved(error)) return { applied: 'lost', results: [] }
      throw error
    }
  })
}

async function applyAll(
  step: Step,
  projection: Projection,
  events: readonly Recorded[],
): Promise<Outcome> {
  const applied = await inTransaction(step, async (client) => {
    await projection.apply(client, events)
    crashAt('projection.before-commit')
  })
  return { applied: applied ? 'moved' : 'lost', results: [] }
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
