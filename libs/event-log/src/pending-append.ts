import { MailxError } from '@mailx/errors/mailx-error'
import { encodeMessage } from '@mailx/events/encode'
import { EventMetadata } from '@mailx/proto/log/v1/batch'
import type { Appended, AppendRequest, Blob } from './event-log.ts'

/** A request on its way: what will be written, and whom to tell. */
export type PendingAppend = {
  readonly stream: string
  readonly expectedVersion: number | 'any'
  readonly events: readonly PendingEvent[]
  readonly blobs: readonly Blob[]
  readonly bytes: number
  readonly traceparent: string
  readonly since: number
  readonly patienceMs: number
  resolve(appended: Appended): void
  reject(error: unknown): void
}

export type PendingEvent = {
  readonly type: string
  readonly data: Uint8Array
  readonly metadata: Uint8Array
}

export const MAX_REQUEST_EVENTS = 500
const MAX_REQUEST_BYTES = 32 * 1024 * 1024
const MAX_NAME_CHARACTERS = 1000
const ROW_OVERHEAD_BYTES = 100
const EMPTY = new Uint8Array(0)

/**
 * Throws for a request that Postgres could never store, so that it cannot spoil the batch of others.
 */
export function checkRequest({ stream, expectedVersion, events }: AppendRequest): void {
  checkName('stream', stream)
  for (const { type } of events) checkName('event type', type)
  if (events.length === 0) throw new MailxError('INVALID_ARGUMENT', 'nothing to append')
  if (events.length > MAX_REQUEST_EVENTS) {
    throw new MailxError('TOO_LARGE', `more than ${MAX_REQUEST_EVENTS} events in one append`)
  }
  if (expectedVersion !== 'any' && !(Number.isInteger(expectedVersion) && expectedVersion >= 0)) {
    throw new MailxError('INVALID_ARGUMENT', 'expectedVersion must be a whole number or "any"')
  }
}

function checkName(what: string, name: string): void {
  const fits = name.length > 0 && name.length <= MAX_NAME_CHARACTERS
  if (!fits || name.includes('\0') || !name.isWellFormed()) {
    throw new MailxError('INVALID_ARGUMENT', `not a possible name for a ${what}`)
  }
}

export function pendingAppend(
  request: AppendRequest,
  traceparent: string,
  since: number,
  settle: Pick<PendingAppend, 'resolve' | 'reject'>,
): PendingAppend {
  const { stream, expectedVersion, blobs = [], patienceMs = 0 } = request
  const events = request.events.map(
    ({ type, data, metadata: { actor = '', causation = '' } = {} }) => ({
      type,
      data,
      metadata: encodeMetadata({ traceparent, actor, causation }),
    }),
  )
  let bytes = 0
  for (const { data, metadata } of events)
    bytes += data.length + metadata.length + ROW_OVERHEAD_BYTES
  for (const { data } of blobs) bytes += data.length + ROW_OVERHEAD_BYTES
  if (bytes > MAX_REQUEST_BYTES) {
    throw new MailxError('TOO_LARGE', `more than ${MAX_REQUEST_BYTES} bytes in one append`)
  }
  const what = { stream, expectedVersion, events, blobs, bytes, traceparent }
  return { ...what, since, patienceMs, ...settle }
}

const encodeMetadata = (metadata: EventMetadata): Uint8Array =>
  metadata.traceparent || metadata.actor || metadata.causation
    ? encodeMessage(EventMetadata, metadata)
    : EMPTY
