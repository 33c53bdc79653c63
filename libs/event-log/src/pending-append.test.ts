import { EventMetadata } from '@mailx/proto/log/v1/batch'
import { expect, test } from 'vitest'
import type { AppendRequest } from './event-log.ts'
import { checkRequest, MAX_REQUEST_EVENTS, pendingAppend } from './pending-append.ts'

const event = { type: 'X', data: new Uint8Array(3) }
const request: AppendRequest = {
  context: 'submission',
  key: 'k',
  stream: 's',
  expectedVersion: 0,
  events: [event],
}
const settle = { resolve: () => {}, reject: () => {} }

test.each<[string, string, Partial<AppendRequest>]>([
  ['no events', 'INVALID_ARGUMENT', { events: [] }],
  ['no stream', 'INVALID_ARGUMENT', { stream: '' }],
  ['a stream with a zero byte', 'INVALID_ARGUMENT', { stream: 'a\0b' }],
  ['a stream with half a character', 'INVALID_ARGUMENT', { stream: '\ud800' }],
  ['a stream that no index can hold', 'INVALID_ARGUMENT', { stream: 'x'.repeat(1001) }],
  ['a type with a zero byte', 'INVALID_ARGUMENT', { events: [{ ...event, type: '\0' }] }],
  ['a negative version', 'INVALID_ARGUMENT', { expectedVersion: -1 }],
  ['half a version', 'INVALID_ARGUMENT', { expectedVersion: 0.5 }],
  [
    'too many events',
    'TOO_LARGE',
    { events: Array.from({ length: MAX_REQUEST_EVENTS + 1 }, () => event) },
  ],
])('%s is refused before it could spoil the batch of others', (_, code, wrong) => {
  expect(() => checkRequest({ ...request, ...wrong })).toThrow(expect.objectContaining({ code }))
})

test('metadata is stored as a protobuf message, and as nothing when there is none', () => {
  const traced = pendingAppend(
    { ...request, events: [{ ...event, metadata: { actor: 'gateway' } }, event] },
    '00-trace',
    0,
    settle,
  )
  expect(EventMetadata.decode(traced.events[0]?.metadata ?? new Uint8Array())).toEqual({
    traceparent: '00-trace',
    actor: 'gateway',
    causation: '',
  })
  const untraced = pendingAppend(request, '', 0, settle)
  expect(untraced.events[0]?.metadata).toHaveLength(0)
})

test('more bytes than an append may have are refused', () => {
  const blobs = [{ hash: new Uint8Array(32), data: new Uint8Array(33 * 1024 * 1024) }]
  expect(() => pendingAppend({ ...request, blobs }, '', 0, settle)).toThrow(
    expect.objectContaining({ code: 'TOO_LARGE' }),
  )
})
