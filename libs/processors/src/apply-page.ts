import { crashAt } from '@mailx/config/crash-at'
import type { StoredEvent } from '@mailx/event-log/event-log'
import { runStatements, type TextRows } from '@mailx/event-log/run-statements'
import type { Recorded } from '@mailx/events/event'
import { context, trace } from '@opentelemetry/api'
import type { ClientBase, Pool } from 'pg'
import {
  beginAt,
  type Checkpoint,
  type CheckpointKey,
  commitAt,
  hasNotMoved,
  moveStatement,
} from './checkpoint.ts'
import { gather } from './gather.ts'
import { parkEvent } from './parked-events.ts'
import { withApplySpans, withProcessSpans } from './process-spans.ts'
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
      const apply = projection.statements ? applyGathered : applyAll
      const work = () => apply(step, projection, events)
      return withApplySpans(processor, events, work, (applied) => applied !== 'unmoved')
    }
  }
}

async function applyGathered(
  step: Step,
  projection: Projection,
  events: readonly Recorded[],
): Promise<Applied> {
  try {
    return await gatheredBy(step, projection)({ step, events })
  } catch (error) {
    if (hasNotMoved(error)) return 'lost'
    throw error
  }
}

type Page = { readonly step: Step; readonly events: readonly Recorded[] }

const MAX_EVENTS = 500
const gathering = new WeakMap<Pool, Map<string, (page: Page) => Promise<Applied>>>()

/** One transaction at a time for each projection of a process: all its partitions share it. */
function gatheredBy({ pool, key }: Step, projection: Projection): (page: Page) => Promise<Applied> {
  const ofPool = gathering.get(pool) ?? new Map<string, (page: Page) => Promise<Applied>>()
  gathering.set(pool, ofPool)
  const name = `${key.schema} ${projection.name}`
  const existing = ofPool.get(name)
  if (existing !== undefined) return existing
  const made = gather({
    // What several traces cause together belongs to none of them.
    run: (pages: readonly Page[]) =>
      context.with(trace.deleteSpan(context.active()), () => runAll(projection, pages)),
    weightOf: ({ events }) => events.length,
    maxWeight: MAX_EVENTS,
  })
  ofPool.set(name, made)
  return made
}

/** In one round trip: the checkpoints first, so that nothing is written unless they move. */
async function runAll(projection: Projection, pages: readonly Page[]): Promise<Applied> {
  const events = pages.flatMap((page) => page.events)
  const statements = projection.statements?.(events) ?? []
  if (statements.length === 0) return 'unmoved'
  const moves = pages.map(({ step: { key, from, to } }) => ({
    partition: key.partition,
    from: from.position,
    to,
  }))
  const [first] = pages as readonly [Page]
  const { pool, key } = first.step
  const move = moveStatement(key.schema, key.processor, moves)
  const results = await turnstileOf(pool).pass(async () => {
    const client = await pool.connect()
    try {
      const answer = runStatements(client, [move, ...statements])
      crashAt('projection.before-commit')
      const [, ...rest] = await answer
      client.release()
      return rest
    } catch (error) {
      client.release(true)
      throw error
    }
  })
  committed(projection, events, results)
  return 'moved'
}

async function applyAll(
  step: Step,
  projection: Projection,
  events: readonly Recorded[],
): Promise<Applied> {
  const applied = await inTransaction(step, async (client) => {
    await projection.apply(client, events)
    crashAt('projection.before-commit')
  })
  if (!applied) return 'lost'
  committed(projection, events, [])
  return 'moved'
}

function committed(
  projection: Projection,
  events: readonly Recorded[],
  results: readonly TextRows[],
): void {
  crashAt('projection.after-commit')
  projection.afterCommit?.(events, results)
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
