import type { Sql } from '@mailx/event-log/sql'
import type { DueDelivery, LaneName } from '../deciders/due-delivery.ts'
import type { LaneGrowth } from '../projections/due-deliveries.ts'
import { type Cursor, fromProjected, type PageRequest, readDue } from './due-pages.ts'

const PAGE = 256
/** So many offers of a partition are kept while it is behind; more are read from Postgres. */
const MAX_LATE = 64
/** After every recipient of the event. */
const LAST_ORDINAL = 2 ** 31 - 1

const at = (position: bigint): Cursor => ({ position, ordinal: LAST_ORDINAL })

export type LanePages = {
  /** There may be deliveries that were not read. */
  readonly behind: boolean
  /** Something was added here; without a position it is not known what. */
  notice(partition: string, position?: bigint): void
  /** Deliveries fresh from the projection: theirs if they continue what was read, else a notice. */
  offer(growth: LaneGrowth): DueDelivery[]
  /** Reads on where the lane is behind, and hands each page out as soon as it is there. */
  refill(take: (page: readonly DueDelivery[]) => void): Promise<void>
  /** When the oldest delivery that was not read was accepted; undefined when there is none. */
  oldestUnread(): Promise<number | undefined>
  /** Before which position everything is final, if `held` is all that was read and is not. */
  floors(held: readonly DueDelivery[]): ReadonlyMap<string, bigint>
  /** Forgets what was read and is not final: it will be read again. */
  rewind(held: readonly DueDelivery[]): void
  /** Walks over everything that is due, from the floor on, page by page. */
  walk(
    read: (request: PageRequest) => Promise<DueDelivery[]>,
    visit: (page: readonly DueDelivery[]) => Promise<void>,
    held: readonly DueDelivery[],
  ): Promise<void>
}

type Options = {
  readonly sql: Sql
  readonly lane: LaneName
  readonly partitions: readonly string[]
  readonly floors: ReadonlyMap<string, bigint>
  readonly bounceAfterMs: number
}

/** How far a lane has been read, partition by partition, so that nothing is missed or read twice. */
export function lanePages({ bounceAfterMs, floors, lane, partitions, sql }: Options): LanePages {
  const cursors = new Map(partitions.map((name) => [name, at(floors.get(name) ?? 0n)]))
  // Partitions that have more than was read, and how often that was said: a read that was told of
  // more while it was under way is not the last one.
  const behind = new Map(partitions.map((name) => [name, 1]))
  /** What was offered where the lane is behind: it may continue the page that is read next. */
  const late = new Map<string, LaneGrowth[]>()
  const cursorOf = (partition: string): Cursor => cursors.get(partition) ?? at(0n)
  const request = (partition: string, after: Cursor): PageRequest => ({
    lane,
    partition,
    after,
    limit: PAGE,
    bounceAfterMs,
  })

  const floorsOf = (held: readonly DueDelivery[]): Map<string, bigint> => {
    const result = new Map(
      partitions.map((partition) => {
        const { position } = cursorOf(partition)
        // Other recipients of the last event may not have been read yet.
        return [partition, behind.has(partition) && position > 0n ? position - 1n : position]
      }),
    )
    for (const { partition, position } of held) {
      if (position <= (result.get(partition) ?? 0n)) result.set(partition, position - 1n)
    }
    return result
  }

  const notice = (partition: string, position?: bigint) => {
    if (position !== undefined && position <= cursorOf(partition).position) return
    behind.set(partition, (behind.get(partition) ?? 0) + 1)
  }

  const offer = (growth: LaneGrowth): DueDelivery[] => {
    const { deliveries, partition, previous } = growth
    const last = deliveries.at(-1)
    const cursor = cursorOf(partition)
    if (last === undefined || last.event.position <= cursor.position) return []
    const earlier = late.get(partition) ?? []
    if (behind.has(partition) && earlier.length < MAX_LATE) {
      late.set(partition, [...earlier, growth])
      return []
    }
    if (behind.has(partition) || cursor.position < previous) {
      notice(partition, last.event.position)
      return []
    }
    cursors.set(partition, { position: last.event.position, ordinal: last.ordinal })
    return deliveries
      .filter(({ event }) => event.position > cursor.position)
      .map((delivery) => fromProjected(delivery, bounceAfterMs))
  }

  return {
    get behind() {
      return behind.size > 0
    },
    notice,
    offer,
    refill: async (take) => {
      await Promise.all(
        [...behind].map(async ([partition, notices]) => {
          const page = await readDue(sql, request(partition, cursorOf(partition)))
          const last = page.at(-1)
          if (last !== undefined) {
            cursors.set(partition, { position: last.position, ordinal: last.ordinal })
          }
          if (page.length < PAGE && behind.get(partition) === notices) behind.delete(partition)
          // At once: from here on what is offered for the partition comes after this page.
          take(page)
          if (behind.has(partition)) return
          const offered = late.get(partition) ?? []
          late.delete(partition)
          for (const growth of offered) take(offer(growth))
        }),
      )
    },
    oldestUnread: async () => {
      const reads = [...behind.keys()].map((partition) =>
        readDue(sql, { ...request(partition, cursorOf(partition)), limit: 1 }),
      )
      const accepted = (await Promise.all(reads)).flat().map(({ acceptedAt }) => acceptedAt)
      return accepted.length === 0 ? undefined : Math.min(...accepted)
    },
    floors: floorsOf,
    rewind: (held) => {
      for (const [partition, floor] of floorsOf(held)) {
        cursors.set(partition, at(floor))
        late.delete(partition)
        notice(partition)
      }
    },
    walk: async (read, visit, held) => {
      for (const [partition, floor] of floorsOf(held)) {
        let after = at(floor)
        for (;;) {
          const page = await read(request(partition, after))
          await visit(page)
          const last = page.at(-1)
          if (last === undefined || page.length < PAGE) break
          after = { position: last.position, ordinal: last.ordinal }
        }
      }
    },
  }
}
