import type { AnyEvent } from './event.ts'

/**
 * The rules of one kind of stream, as pure functions. `decide` answers a command with the events
 * that follow from it (none: nothing to do) or throws a MailxError; `evolve` folds one event into
 * the state and never fails, not even on an event type it does not know.
 */
export type Decider<State, Command, Event extends AnyEvent> = {
  readonly initialState: State
  decide(command: Command, state: State): readonly Event[]
  evolve(state: State, event: Event): State
}
