import { MailxError } from '@mailx/errors/mailx-error'
import { encodeMessage } from './encode.ts'
import type { AnyEvent, Codecs, EventOf } from './event.ts'

/** The event's bytes as they are stored. The event must be one of the table. */
export function encodeEvent(codecs: Codecs, event: AnyEvent): { type: string; data: Uint8Array } {
  const codec = codecs[event.type]
  if (codec === undefined) {
    throw new MailxError('INTERNAL', `event type ${event.type} is not in the event table`)
  }
  return { type: event.type, data: encodeMessage(codec, event.data) }
}

/**
 * The event that was stored, or undefined when the table does not know its type (a newer version
 * wrote it). Bytes that do not decode throw.
 */
export function decodeEvent<C extends Codecs>(
  codecs: C,
  stored: { readonly type: string; readonly data: Uint8Array },
): EventOf<C> | undefined {
  const codec = Object.hasOwn(codecs, stored.type) ? codecs[stored.type] : undefined
  if (codec === undefined) return undefined
  return { type: stored.type, data: codec.decode(stored.data) } as EventOf<C>
}
