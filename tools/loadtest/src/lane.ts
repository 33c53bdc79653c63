import type { Message } from './message.ts'

/** The way of one sender's messages to the server. */
export type Lane = {
  /** Hands messages over, now or when there is a connection again, in this order. */
  push(messages: readonly Message[]): void
  /** Gives up connections on which nothing was answered for too long. */
  check(now: number): void
  /** Ends the connection. What is not decided stays so. */
  close(): Promise<void>
}

/** What a lane reports. */
export type LaneEvents = {
  /** Messages that are about to be handed over again. */
  resending(messages: readonly Message[]): void
  accepted(message: Message): void
  /** For good. */
  refused(message: Message, code: string): void
  /** Refused for a reason that passes, by its code: it will be handed over again. */
  putOff(message: Message, code: string): void
  /** A lost connection, by its code: what has no answer will be handed over again. */
  trouble(code: string): void
}

export type LaneOptions = {
  /** How many messages one frame may carry. */
  readonly frame: number
  /** A connection that answers nothing for so long is given up, and everything handed over again. */
  readonly answerWithinMs: number
}
