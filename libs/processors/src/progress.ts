import { MailxError } from '@mailx/errors/mailx-error'
import type { EventLog, Head } from '@mailx/event-log/event-log'
import type { Pool } from 'pg'
import type { Announcer } from './announcer.ts'
import { readCheckpoints } from './checkpoint.ts'
import type { Slot } from './slot.ts'
import type { UnitSet } from './unit-set.ts'

/** How far one processor is in one partition. */
export type Progress = {
  readonly processor: string
  readonly partition: string
  readonly position: bigint
  readonly head: bigint
  /** running: here; elsewhere: another replica has it, or nobody yet; stuck: see `reason`. */
  readonly status: 'running' | 'elsewhere' | 'stuck'
  readonly reason?: string
}

export type Readiness = { readonly ready: boolean; readonly reason?: string }

export type ProgressDeps = {
  readonly pool: Pool
  readonly log: EventLog
  readonly schema: string
  readonly slots: readonly Slot[]
  readonly units: UnitSet
  readonly announcer: Announcer
  /** Heads and other replicas' checkpoints as last seen. */
  readonly heads: ReadonlyMap<string, Head>
  readonly stored: ReadonlyMap<string, bigint>
}

const STALLED_MS = 10_000
const LOOK_AGAIN_MS = 50

/** Resolves when the slots have dealt with everything committed before the call. */
export async function caughtUp(
  deps: ProgressDeps,
  slots: readonly Slot[],
  timeoutMs: number,
): Promise<void> {
  const heads = new Map((await deps.log.heads()).map((head) => [head.partition, head.position]))
  const until = performance.now() + timeoutMs
  for (const { processor, partition } of slots) {
    const left = until - performance.now()
    await waitFor(deps, processor.of.name, partition, heads.get(partition) ?? 0n, left)
  }
}

/** Resolves when a processor has dealt with a position; DEADLINE_EXCEEDED when that takes longer. */
export async function waitFor(
  deps: ProgressDeps,
  processor: string,
  partition: string,
  position: bigint,
  timeoutMs: number,
): Promise<void> {
  const until = performance.now() + timeoutMs
  for (;;) {
    const unit = deps.units.get(processor, partition)
    const reached = unit?.position() ?? (await storedPosition(deps, processor, partition))
    if (reached >= position) return
    const stuck = unit?.stuck()
    if (stuck !== undefined) throw new MailxError('UNAVAILABLE', `${processor} stopped: ${stuck}`)
    const left = until - performance.now()
    if (left <= 0) {
      const where = `${partition}/${position}, it is at ${reached}`
      throw new MailxError('DEADLINE_EXCEEDED', `${processor} has not come to ${where}`)
    }
    await deps.announcer.next(Math.min(left, LOOK_AGAIN_MS))
  }
}

export function statusOf({ slots, units, heads, stored }: ProgressDeps): Progress[] {
  return slots.map(({ name, processor, partition }) => {
    const unit = units.get(processor.of.name, partition)
    const reason = unit?.stuck()
    const position = unit?.position() ?? stored.get(name) ?? 0n
    const seen = heads.get(partition)?.position ?? 0n
    return {
      processor: processor.of.name,
      partition,
      position,
      head: seen > position ? seen : position,
      status: reason !== undefined ? 'stuck' : unit === undefined ? 'elsewhere' : 'running',
      ...(reason === undefined ? {} : { reason }),
    }
  })
}

/** Not ready when a processor in this process stopped, or did not get on for a while. */
export function readinessOf({ units }: ProgressDeps): Readiness {
  for (const unit of units.all()) {
    const where = `${unit.processor.of.name} in ${unit.partition}`
    const stuck = unit.stuck()
    if (stuck !== undefined) return { ready: false, reason: `${where} stopped: ${stuck}` }
    if (performance.now() - unit.lastProgress() > STALLED_MS) {
      return { ready: false, reason: `${where} does not get on` }
    }
  }
  return { ready: true }
}

async function storedPosition(
  { pool, schema }: ProgressDeps,
  processor: string,
  partition: string,
): Promise<bigint> {
  const checkpoints = await readCheckpoints(pool, schema, processor)
  return checkpoints.find((checkpoint) => checkpoint.partition === partition)?.position ?? 0n
}
