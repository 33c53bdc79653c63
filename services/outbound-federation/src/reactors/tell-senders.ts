import { crashAt } from '@mailx/config/crash-at'
import type { Sql } from '@mailx/event-log/sql'
import type { Fault } from '../deciders/delivery.ts'
import { type DueDelivery, deliveryKey } from '../deciders/due-delivery.ts'
import type { LaneQueue } from '../deciders/lane-queue.ts'
import { readDue, readOverdue, readUntold } from './due-pages.ts'
import type { LanePages } from './lane-pages.ts'
import { factsOf, type RecordDeps, recordOutcome } from './record-outcome.ts'

export type TellDeps = RecordDeps & {
  readonly sql: Sql
  readonly now: () => number
  readonly delayNoticeMs: number
}

/** Everything due in the lane bounces: the peer is not there, and will not be. Holds nothing itself. */
export const bounceAll = (deps: TellDeps, pages: LanePages, fault: Fault): Promise<void> =>
  pages.walk(
    (request) => readDue(deps.sql, request),
    async (page) => {
      if (page.length > 0) crashAt('outbound.before-bounce')
      await Promise.all(
        page.map(async (due) => {
          await recordOutcome(deps, due, { type: 'RecordRefusal', facts: factsOf(due), fault })
          crashAt('outbound.after-bounce')
        }),
      )
    },
    [],
  )

/** Every sender who does not know it yet is told for which reason the mail waits. */
export const deferAll = (
  deps: TellDeps,
  pages: LanePages,
  fault: Fault,
  attempts: number,
): Promise<void> =>
  pages.walk(
    (request) => readUntold(deps.sql, request, fault.code),
    async (page) => {
      await Promise.all(
        page.map(async (due) => {
          const facts = factsOf(due)
          await recordOutcome(deps, due, { type: 'RecordFailure', facts, fault, attempts })
          crashAt('outbound.after-deferral')
        }),
      )
    },
    [],
  )

/**
 * Sends the notices of delay, and bounces what has come to the end of its life. What is under way is
 * left alone: its answer is near.
 */
export async function checkTimes(
  deps: TellDeps,
  pages: LanePages,
  queue: LaneQueue,
  underWay: ReadonlySet<DueDelivery>,
  fault: Fault | undefined,
): Promise<void> {
  const { delayNoticeMs, now, sql } = deps
  const check = async (read: DueDelivery, held: ReadonlyMap<string, DueDelivery>) => {
    // What is held knows what was recorded a moment ago; the row may not show it yet.
    const due = held.get(deliveryKey(read)) ?? read
    if (underWay.has(due)) return
    await recordOutcome(deps, due, {
      type: 'CheckTime',
      facts: factsOf(due),
      fault: due.lastFault ?? fault,
      since: due.acceptedAt,
      delayNoticeMs,
      expiresAt: due.expiresAt,
      at: now(),
    })
    crashAt('outbound.after-notice')
    if (due.state.status !== 'due') queue.settle(due)
  }
  await pages.walk(
    (request) => readOverdue(sql, request, { now: now(), delayNoticeMs }),
    async (page) => {
      const held = new Map(queue.all().map((due) => [deliveryKey(due), due]))
      await Promise.all(page.map((due) => check(due, held)))
    },
    queue.all(),
  )
}
