import type { Statement, TextRows } from '@mailx/event-log/run-statements'
import type { Sql } from '@mailx/event-log/sql'
import type { Codecs, EventOf, Recorded } from '@mailx/events/event'

/**
 * Turns events into rows. The runner gives `apply` consecutive events of one partition, in the
 * transaction that also moves the checkpoint; applying the same events twice changes nothing. A
 * table is written from one context only, and queries join: so a rebuild gives the same rows
 * whatever the interleaving of contexts was.
 */
export type Projection<C extends Codecs = any> = {
  /** `<service>.<read model>`, for example `storage.mailboxes`. Never change it. */
  readonly name: string
  readonly contexts: readonly string[]
  /** Event tables of these contexts, merged. */
  readonly events: C
  /**
   * The event types `apply` wants; all others are passed over. Left out, it wants everything, and
   * an event of a type unknown to `events` is parked.
   */
  readonly handles?: readonly (keyof C & string)[]
  /** All tables the projection writes, with their schema: what a rebuild empties. */
  readonly tables: readonly string[]
  apply(sql: Sql, events: readonly Recorded<EventOf<C>>[]): Promise<void>
  /**
   * The same as `apply`, where what is written does not depend on what is read: then the runner sends
   * it with the checkpoints in one round trip. The events may be of several partitions, in order in
   * each of them. None: the events change nothing.
   */
  statements?(events: readonly Recorded<EventOf<C>>[]): readonly Statement[]
  /**
   * Called after the COMMIT, for announcements; with what each of the statements returned, where there
   * are any, and then with all events that they were for. A process may die before it.
   */
  afterCommit?(events: readonly Recorded<EventOf<C>>[], results: readonly TextRows[]): void
  /**
   * Called with the last events that were applied by somebody else, or by a COMMIT without an answer:
   * perhaps nobody has called `afterCommit` with them. Must not throw.
   */
  resumed?(events: readonly Recorded<EventOf<C>>[]): void
}

type WriteOnly<C extends Codecs> = Omit<Projection<C>, 'apply'> &
  Required<Pick<Projection<C>, 'statements'>>

/** A projection that is all `statements`. */
export const writeOnlyProjection = <C extends Codecs>(of: WriteOnly<C>): Projection<C> => ({
  ...of,
  async apply(sql, events) {
    for (const { name, text, values } of of.statements(events)) {
      await sql.query({ name, text, values: [...values] })
    }
  },
})
