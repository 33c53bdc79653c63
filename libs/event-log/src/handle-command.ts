import { MailxError } from '@mailx/errors/mailx-error'
import { decodeEvent, encodeEvent } from '@mailx/events/codec'
import type { Decider } from '@mailx/events/decider'
import type { AnyEvent, Codecs, EventOf } from '@mailx/events/event'
import type { Blob, EventLog } from './event-log.ts'

export type HandleCommand<C extends Codecs, State, Command, Event extends AnyEvent & EventOf<C>> = {
  readonly context: string
  readonly key: string
  readonly stream: string
  readonly codecs: C
  readonly decider: Decider<State, Command, Event>
  readonly command: Command
  readonly blobs?: readonly Blob[]
  readonly metadata?: { readonly actor?: string; readonly causation?: string }
  /** The stream is believed to be new: decide on the initial state first, without reading. */
  readonly assumeNew?: boolean
}

export type Handled<Event> = {
  /** What was appended; empty when the command had nothing to change. */
  readonly events: readonly Event[]
  /** The stream's version afterwards. */
  readonly version: number
  readonly partition: string
  /** Of the last appended event; of the stream's last event when nothing was; 0n without any. */
  readonly position: bigint
}

const ATTEMPTS = 5

/**
 * Reads the stream, decides, and appends at the version that was read. When somebody else appended
 * in between it decides again on what the stream is then; CONFLICT after five times.
 */
export async function handleCommand<C extends Codecs, State, Command, Event extends EventOf<C>>(
  log: EventLog,
  options: HandleCommand<C, State, Command, Event>,
): Promise<Handled<Event>> {
  const { context, key, stream, codecs, decider, command, blobs = [], metadata = {} } = options
  const partition = log.partitionOf(context, key)
  for (let attempt = 1; ; attempt += 1) {
    const unread = options.assumeNew === true && attempt === 1
    const stored = unread ? [] : await log.readStream({ context, key, stream })
    let state = decider.initialState
    for (const event of stored) {
      const known = decodeEvent(codecs, event)
      if (known !== undefined) state = decider.evolve(state, known as Event)
    }
    const version = stored.length
    const events = decider.decide(command, state)
    if (events.length === 0) {
      return { events, version, partition, position: stored.at(-1)?.position ?? 0n }
    }
    const encoded = events.map((event) => ({ ...encodeEvent(codecs, event), metadata }))
    try {
      const request = { context, key, stream, expectedVersion: version, events: encoded, blobs }
      return { events, ...(await log.append(request)) }
    } catch (error) {
      const conflict = error instanceof MailxError && error.code === 'CONFLICT'
      if (!conflict || attempt === ATTEMPTS) throw error
    }
  }
}
