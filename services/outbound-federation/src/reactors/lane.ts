/**
 * The life of a lane, which one replica at a time works off:
 *  1. Start with the notes of the last owner: from where to read, how long the peer is to be left alone.
 *  2. Read what is due, a page at a time; keep several batches under way. An envelope waits while the
 *     peer has yet to answer for one of the same sender and recipient.
 *  3. Each answer is recorded before its delivery leaves the lane. A crash before that: it is delivered
 *     again with the same id, and the peer knows it.
 *  4. An attempt failed: wait for the others under way, forget what is in memory, then
 *     refuse → everything due bounces; retry → senders are told, the peer is left alone for a while, and
 *     a single batch tries it again; wait → our own trouble, soon again.
 *  5. Every minute: notices of delay, the end of expired deliveries, the floor is noted.
 *  6. Without work for a while the lane is given up.
 */

import { crashAt } from '@mailx/config/crash-at'
import { signalBox } from '@mailx/processors/signal-box'
import type { Logger } from '@mailx/telemetry/logger'
import type { Fault } from '../deciders/delivery.ts'
import type { DueDelivery, LaneName } from '../deciders/due-delivery.ts'
import type { Failure } from '../deciders/failure.ts'
import { laneQueue } from '../deciders/lane-queue.ts'
import { retryDelay } from '../deciders/retry-schedule.ts'
import type { LaneGrowth } from '../projections/due-deliveries.ts'
import { type AttemptDeps, type AttemptResult, attemptBatch } from './attempt-batch.ts'
import { clearPause, readNotes, writeFloors, writePause } from './lane-notes.ts'
import { type LanePages, lanePages } from './lane-pages.ts'
import { watchQueue } from './queue-metrics.ts'
import { bounceAll, checkTimes, deferAll, type TellDeps } from './tell-senders.ts'

export type LaneDeps = Omit<AttemptDeps, 'signal'> &
  Omit<TellDeps, 'signal'> & {
    readonly partitions: readonly string[]
    readonly bounceAfterMs: number
    /** Batches under way at once. */
    readonly window: number
    readonly idleMs: number
    readonly logger: Logger
  }

export type Lane = {
  /** Deliveries fresh from the projection. */
  offer(growth: LaneGrowth): void
  /** There are deliveries up to here; or somewhere, when nothing else is known. */
  notice(partition?: string, position?: bigint): void
  /** The peer has shown that it is there. */
  contacted(): void
  /** Lets what is under way end, as far as `graceMs` allows, and leaves its notes. */
  stop(): Promise<void>
}

const BATCH = { deliveries: 64, bytes: 4 * 1024 * 1024 }
/** Deliveries in memory that are to go next; those under way or waiting for their next try come on top. */
const HELD = 2_048
/**
 * While batches are under way, the next one is filled for so long, times the square root of the one
 * before: few would be waiting for nobody.
 */
const LINGER_MS = 3
const LONGEST_LINGER_MS = 25
const WAITING = 5_000
const CHECK_EVERY_MS = 60_000
const FIRST_CHECK_MS = 200
const OWN_TROUBLE_MS = 1_000
const CONTACT_EVERY_MS = 5_000
/** So many answers "later" in a row are the peer's word about itself, not about single deliveries. */
const LATER_IN_A_ROW = 16

export function openLane(shared: LaneDeps, name: LaneName, onClosed: () => void): Lane {
  const { logger, now, sql } = shared
  const giveUp = new AbortController()
  const deps = { ...shared, signal: giveUp.signal }
  const bell = signalBox()
  const queue = laneQueue()
  const underWay = new Set<DueDelivery>()
  const running = new Set<Promise<void>>()
  /** Batches that the peer has not answered. */
  let unanswered = 0
  let launchedAt = Number.NEGATIVE_INFINITY
  let lingerMs = LINGER_MS
  let pages: LanePages | undefined
  let failure: Failure | undefined
  let failures = 0
  let fault: Fault | undefined
  let laterInARow = 0
  let pausedUntil = 0
  let checkAt = 0
  let idleSince: number | undefined
  /** When the oldest delivery was accepted that waits in Postgres until the peer is tried again. */
  let oldestUnread: number | undefined
  let contactedAt = Number.NEGATIVE_INFINITY
  const unwatch = watchQueue(name.peer, () => {
    const held = queue.all()
    const accepted = held.map(({ acceptedAt }) => acceptedAt)
    const oldest = accepted.reduce((least, at) => Math.min(least, at), oldestUnread ?? Infinity)
    return { deliveries: held.length, oldest: oldest === Infinity ? undefined : oldest }
  })

  const done = live().then(() => {
    unwatch()
    onClosed()
  })

  return {
    offer: (growth) => {
      if (next() < HELD) queue.add(pages?.offer(growth) ?? [])
      else pages?.notice(growth.partition, growth.deliveries.at(-1)?.event.position)
      bell.ring()
    },
    notice: (partition, position) => {
      for (const one of partition === undefined ? shared.partitions : [partition]) {
        pages?.notice(one, position)
      }
      bell.ring()
    },
    contacted: () => {
      if (performance.now() - contactedAt < CONTACT_EVERY_MS) return
      contactedAt = performance.now()
      pausedUntil = 0
      bell.ring()
    },
    stop: async () => {
      giveUp.abort()
      bell.ring()
      await done
    },
  }

  async function live(): Promise<void> {
    while (!giveUp.signal.aborted) {
      try {
        pages ??= await begin()
        if (await step(pages)) break
      } catch (error) {
        logger.warn({ err: error, ...name }, 'a lane is held up by our own side; trying again')
        await bell.wait(OWN_TROUBLE_MS)
      }
    }
    await Promise.all(running)
    await leave()
  }

  /** Notes are a help to the next owner, no more: without them it looks through more. */
  async function leave(): Promise<void> {
    try {
      if (pages !== undefined) await noteFloors(pages)
    } catch (error) {
      logger.warn({ err: error, ...name }, 'a lane was left without notes')
    }
  }

  async function begin(): Promise<LanePages> {
    const { floors, pause } = await readNotes(sql, name)
    if (pause !== undefined) {
      failures = pause.failures
      fault = pause.fault
      const waitMs = Math.min(Math.max(pause.until - now(), 0), shared.retry.longestMs)
      pausedUntil = performance.now() + waitMs
    }
    // Mail first: the first check can wait until some is on its way.
    checkAt = performance.now() + FIRST_CHECK_MS
    const read = lanePages({ ...shared, lane: name, floors })
    if (pause !== undefined) oldestUnread = await read.oldestUnread()
    return read
  }

  /** One round; true when the lane has been idle for long enough. */
  async function step(read: LanePages): Promise<boolean> {
    if (failure !== undefined) {
      await Promise.all(running)
      const failed = failure
      await startOver(read, failed)
      failure = undefined
      return false
    }
    const time = performance.now()
    if (time >= checkAt) {
      checkAt = time + Math.min(CHECK_EVERY_MS, shared.delayNoticeMs)
      await checkTimes(deps, read, queue, underWay, fault)
      await noteFloors(read)
      if (oldestUnread !== undefined) oldestUnread = await read.oldestUnread()
      return false
    }
    if (time < pausedUntil) {
      await bell.wait(Math.min(pausedUntil, checkAt) - time)
      return false
    }
    const nextAt = queue.wake(time)
    const lingersUntil = launch()
    if (read.behind && next() < HELD / 2 && queue.waiting < WAITING) {
      await read.refill(queue.add)
      crashAt('outbound.after-refill')
      oldestUnread = undefined
      launch()
      return false
    }
    return rest(read, time, Math.min(nextAt ?? Infinity, lingersUntil))
  }

  async function rest(read: LanePages, time: number, nextAt = Infinity): Promise<boolean> {
    const idle = queue.size === 0 && !read.behind
    idleSince = idle ? (idleSince ?? time) : undefined
    const idleUntil = idleSince === undefined ? Infinity : idleSince + shared.idleMs
    if (time >= idleUntil) return true
    await bell.wait(Math.max(0, Math.min(nextAt, checkAt, idleUntil) - time))
    return false
  }

  /** How many could go, as far as those before them of their pairs let them. */
  function next(): number {
    return queue.size - queue.waiting - queue.taken
  }

  /** Sends what may go; says when the rest may, unless an answer comes first. */
  function launch(): number {
    // A peer that failed is tried with one batch until it answers.
    const window = failures > 0 ? 1 : shared.window
    if (failure !== undefined) return Infinity
    while (unanswered < window && running.size < 2 * window) {
      const fillsUntil = launchedAt + lingerMs
      const isFilling = unanswered > 0 && performance.now() < fillsUntil
      if (isFilling && !queue.has(BATCH.deliveries)) return queue.has(1) ? fillsUntil : Infinity
      const batch = queue.take(BATCH)
      if (batch.length === 0) break
      send(batch)
    }
    return Infinity
  }

  function send(batch: readonly DueDelivery[]): void {
    launchedAt = performance.now()
    lingerMs = Math.min(LINGER_MS * Math.sqrt(batch.length), LONGEST_LINGER_MS)
    for (const due of batch) underWay.add(due)
    unanswered += 1
    let isAnswered = false
    const onAnswered = () => {
      if (isAnswered) return
      isAnswered = true
      unanswered -= 1
      bell.ring()
    }
    const attempt = attemptBatch(deps, name, queue, batch, onAnswered).then((result) => {
      onAnswered()
      running.delete(attempt)
      for (const due of batch) underWay.delete(due)
      judge(result)
      bell.ring()
    })
    running.add(attempt)
  }

  function judge(result: AttemptResult): void {
    if (result.status === 'failed') {
      failure ??= result.failure
      return
    }
    if (result.decided > 0) {
      laterInARow = 0
      if (failures > 0) forgetFailures()
    } else laterInARow += result.later
    if (laterInARow < LATER_IN_A_ROW) return
    laterInARow = 0
    pausedUntil = performance.now() + Math.max(result.retryAfterMs, shared.retry.firstMs)
  }

  function forgetFailures(): void {
    failures = 0
    fault = undefined
    clearPause(sql, name).catch((error: unknown) => {
      logger.warn({ err: error, ...name }, 'a note about a lane could not be removed')
    })
  }

  async function startOver(read: LanePages, { action, fault: reason }: Failure): Promise<void> {
    read.rewind(queue.all())
    queue.clear()
    if (giveUp.signal.aborted) return
    if (action !== 'refuse') oldestUnread = await read.oldestUnread()
    switch (action) {
      case 'wait':
        logger.warn({ ...name, ...reason }, 'deliveries wait for our own side')
        pausedUntil = performance.now() + OWN_TROUBLE_MS * (0.5 + shared.randomFraction())
        return
      case 'refuse':
        logger.info({ ...name, ...reason }, 'deliveries bounce: the peer is not there')
        await bounceAll(deps, read, reason)
        if (failures > 0) forgetFailures()
        return
      case 'retry': {
        failures += 1
        fault = reason
        const delayMs = retryDelay(failures, shared.retry, shared.randomFraction())
        pausedUntil = performance.now() + delayMs
        logger.info({ ...name, ...reason, failures, delayMs }, 'a peer is tried again later')
        await writePause(sql, name, { failures, until: now() + delayMs, fault: reason })
        crashAt('outbound.after-pause')
        await deferAll(deps, read, reason, failures)
        // What came to the end of its life meanwhile is not tried again.
        checkAt = 0
      }
    }
  }

  async function noteFloors(read: LanePages): Promise<void> {
    await writeFloors(sql, name, read.floors(queue.all()))
    crashAt('outbound.after-floor')
  }
}
