import type { Codecs, EventOf, Recorded } from '@mailx/events/event'

/**
 * Turns events into effects: a command, a call to a peer. The effect comes first and the checkpoint
 * after it, so an event is reacted to at least once: the effect must be harmless the second time.
 */
export type Reactor<C extends Codecs = any> = {
  /** `<service>.<what it does>`. Never change it. */
  readonly name: string
  readonly contexts: readonly string[]
  readonly events: C
  /** As for a projection. */
  readonly handles?: readonly (keyof C & string)[]
  /** It sums up: what it does is no step of any one message, and in no message's trace but by a link. */
  readonly sumsUp?: true
  react(events: readonly Recorded<EventOf<C>>[]): Promise<void>
}
