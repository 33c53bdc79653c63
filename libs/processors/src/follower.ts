import type { Codecs, EventOf, Recorded } from '@mailx/events/event'

/**
 * Folds events into memory, in every process, from the start of the log: small state that decisions
 * need without a query (hosted domains, revoked devices, full mailboxes). `apply` must not throw.
 */
export type Follower<C extends Codecs = any> = {
  readonly name: string
  readonly contexts: readonly string[]
  readonly events: C
  /** As for a projection; an unknown type is always passed over. */
  readonly handles?: readonly (keyof C & string)[]
  apply(events: readonly Recorded<EventOf<C>>[]): void
}
