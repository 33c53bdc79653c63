import type { CurrentKeys } from '@mailx/crypto/current-keys'
import type { EventLog, Head } from '@mailx/event-log/event-log'
import { isConnected } from '@mailx/messaging/connection-state'
import { hearBatches } from '@mailx/messaging/hear-batches'
import { logTrouble } from '@mailx/messaging/log-trouble'
import { repeatedly } from '@mailx/messaging/repeatedly'
import { createLogger } from '@mailx/telemetry/logger'
import type { NatsConnection } from '@nats-io/nats-core'
import type { Pool } from 'pg'
import { announcer as createAnnouncer } from './announcer.ts'
import { ensureCheckpointTables, readCheckpoints } from './checkpoint.ts'
import { answerOperator } from './operator-requests.ts'
import { shareUnits } from './ownership.ts'
import { countParked } from './parked-events.ts'
import { type Processors, processorsOf } from './processor.ts'
import { lagEvents, lagSeconds, parkedEvents, stuckProcessors } from './processor-metrics.ts'
import {
  caughtUp,
  type Progress,
  type Readiness,
  readinessOf,
  statusOf,
  waitFor,
} from './progress.ts'
import { recentHeads } from './recent-heads.ts'
import { startUnit, type Unit } from './run-unit.ts'
import { type Slot, slotsOf } from './slot.ts'
import { unitSet } from './unit-set.ts'

export type RunProjectionsOptions = Processors & {
  readonly pool: Pool
  readonly log: EventLog
  /** Left out: events come from this process and from Postgres alone. */
  readonly nats?: NatsConnection
  readonly busKeys: CurrentKeys
  /** The schema of the service, which holds `checkpoints` and `parked_events`. */
  readonly schema: string
  /** Replicas of one service share its projections and reactors. */
  readonly service: string
  /** Told of everything that goes wrong, and of every event that is parked. */
  readonly onTrouble?: (error: unknown) => void
  /** How often heads are read, and so how soon silence on the bus is noticed: within twice this. */
  readonly pollEveryMs?: number
  readonly balanceEveryMs?: number
}

export type ProjectionRunner = {
  /** Resolves when everything committed before the call is processed, by whichever replica. */
  caughtUp(timeoutMs?: number): Promise<void>
  /** Resolves when a processor has dealt with a position; DEADLINE_EXCEEDED when that takes longer. */
  waitFor(processor: string, partition: string, position: bigint, timeoutMs: number): Promise<void>
  status(): readonly Progress[]
  ready(): Readiness
  /** Finishes what is under way and gives the partitions to the other replicas. */
  stop(): Promise<void>
}

const NO_BUS_POLL_MS = 50
const DEFAULT_TIMEOUT_MS = 60_000

/**
 * Runs processors over the partitions of their contexts until stopped. Batches come straight from
 * this process's own commits, over the bus from the others', and from Postgres when neither brought
 * what must exist. Resolves when the followers have folded everything committed before the call.
 */
export async function runProjections(options: RunProjectionsOptions): Promise<ProjectionRunner> {
  const { pool, log, nats, busKeys, schema, service } = options
  const {
    pollEveryMs = 500,
    balanceEveryMs = 1000,
    onTrouble = logTrouble(createLogger({ service })),
  } = options
  const slots = processorsOf(options).flatMap((processor) => slotsOf(log, processor))
  const followers = slots.filter(({ processor }) => processor.kind === 'follower')
  const shared = new Map(
    slots.filter(({ processor }) => processor.kind !== 'follower').map((slot) => [slot.name, slot]),
  )
  const units = unitSet()
  const announcer = createAnnouncer()
  const heads = new Map<string, Head>()
  const atHeadSince = new WeakMap<Unit, number>()
  const stored = new Map<string, bigint>()
  const deps = { pool, log, schema, slots, units, announcer, heads, stored }

  await ensureCheckpointTables(pool, schema)
  for (const slot of followers) start(slot)
  const ownership = shareUnits({
    pool,
    group: `mailx/${schema}/${service}`,
    units: [...shared.keys()],
    onGained: (name) => start(shared.get(name) as Slot),
    onLosing: (name) => stop(shared.get(name) as Slot),
    onTrouble,
  })
  const unsubscribe = log.onCommitted(units.receive)
  const contexts = [...new Set(slots.map(({ context }) => context))]
  const unhear = nats === undefined ? [] : contexts.map((context) => hear(nats, context))
  const loops = [
    repeatedly(balanceEveryMs, ownership.balance, onTrouble),
    repeatedly(() => (hasBus() ? pollEveryMs : NO_BUS_POLL_MS), readHeads, onTrouble),
    repeatedly(2 * balanceEveryMs, readTables, onTrouble),
    repeatedly(balanceEveryMs, answer, onTrouble),
  ]
  try {
    await caughtUp(deps, followers, DEFAULT_TIMEOUT_MS)
  } catch (error) {
    await stopAll()
    throw error
  }

  return {
    caughtUp: (timeoutMs = DEFAULT_TIMEOUT_MS) => caughtUp(deps, slots, timeoutMs),
    waitFor: (processor, partition, position, timeoutMs) =>
      waitFor(deps, processor, partition, position, timeoutMs),
    status: () => statusOf(deps),
    ready: () => readinessOf(deps),
    stop: stopAll,
  }

  function hasBus(): boolean {
    return nats !== undefined && isConnected(nats)
  }

  function hear(connection: NatsConnection, context: string): () => Promise<void> {
    const { lacks: isNews, receive: onBatch } = units
    return hearBatches({ nats: connection, busKeys, context, isNews, onBatch, onTrouble })
  }

  function start({ processor, context, partition }: Slot): void {
    const inbox = units.inboxOf(partition)
    const onProgress = () => {
      units.tidy(partition)
      announcer.announce()
    }
    units.add(
      startUnit({
        pool,
        log,
        schema,
        processor,
        partition,
        inbox,
        readHead,
        onProgress,
        onTrouble,
      }),
    )

    async function readHead(): Promise<Head> {
      const found = (await log.heads(context)).find((head) => head.partition === partition)
      if (found === undefined) throw new Error(`partition ${partition} is not in the log`)
      return found
    }
  }

  async function stop({ processor, partition }: Slot): Promise<void> {
    const unit = units.get(processor.of.name, partition)
    if (unit === undefined) return
    await unit.stop()
    units.remove(unit)
    // From now on another replica reports it.
    const labels = { projection: processor.of.name, partition }
    lagEvents.remove(labels)
    lagSeconds.remove(labels)
    atHeadSince.delete(unit)
    stuckProcessors.remove(labels)
  }

  /** With a bus, what was committed before the previous look must have arrived by now. */
  async function readHeads(): Promise<void> {
    const before = new Map(heads)
    const maxAgeMs = hasBus() ? pollEveryMs / 2 : 0
    for (const head of await recentHeads(log, maxAgeMs)) heads.set(head.partition, head)
    const expected = hasBus() ? before : heads
    for (const unit of units.all()) {
      const labels = { projection: unit.processor.of.name, partition: unit.partition }
      const head = expected.get(unit.partition)
      if (head !== undefined) unit.expect(head)
      const lag = (heads.get(unit.partition)?.position ?? 0n) - (unit.position() ?? 0n)
      lagEvents.set(labels, Math.max(Number(lag), 0))
      const now = performance.now()
      if (lag <= 0n || !atHeadSince.has(unit)) atHeadSince.set(unit, now)
      lagSeconds.set(labels, (now - (atHeadSince.get(unit) ?? now)) / 1000)
      stuckProcessors.set(labels, unit.stuck() === undefined ? 0 : 1)
    }
  }

  /** Carries out what `mailxctl` asked for. */
  async function answer(): Promise<void> {
    const { projections = [], reactors = [] } = options
    await answerOperator({ pool, log, schema, projections, reactors })
  }

  async function readTables(): Promise<void> {
    const counts = await countParked(pool, schema)
    for (const { processor } of shared.values()) {
      parkedEvents.set({ projection: processor.of.name }, counts.get(processor.of.name) ?? 0)
    }
    for (const { processor, partition, position } of await readCheckpoints(pool, schema)) {
      stored.set(`${processor}@${partition}`, position)
    }
  }

  async function stopAll(): Promise<void> {
    unsubscribe()
    await Promise.all(loops.map((loop) => loop.stop()))
    await ownership.stop()
    await Promise.all(followers.map(stop))
    await Promise.all(unhear.map((stopHearing) => stopHearing()))
  }
}
