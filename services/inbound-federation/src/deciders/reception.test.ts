import type { ReceptionEvent } from '@mailx/events/reception'
import { Disposition, MessageReceived } from '@mailx/proto/reception/v1/events'
import { expect, test } from 'vitest'
import { reception } from './reception.ts'

const message = MessageReceived.fromPartial({
  messageId: new Uint8Array(16).fill(1),
  origin: 'a.test',
  sender: 'alice@a.test',
  recipient: 'bob@b.test',
  createdAtUnixMs: 1000n,
  expiresAtUnixMs: 2000n,
  contentHash: new Uint8Array(32).fill(2),
  envelopeHash: new Uint8Array(32).fill(3),
  disposition: Disposition.DELIVER,
  acceptedId: new Uint8Array(16).fill(4),
})
const received: ReceptionEvent = { type: 'MessageReceived', data: message }

const decideAfter = (history: ReceptionEvent[], changed: Partial<MessageReceived> = {}) =>
  reception.decide(
    { type: 'ReceiveMessage', message: { ...message, ...changed } },
    history.reduce(reception.evolve, reception.initialState),
  )

test('the first delivery is received', () => {
  expect(decideAfter([])).toEqual([received])
})

test('the same delivery again changes nothing', () => {
  expect(decideAfter([received])).toEqual([])
})

test('the same message in another batch, under another id of ours, is the same delivery', () => {
  const changed = { acceptedId: new Uint8Array(16).fill(9), disposition: Disposition.DROP }
  expect(decideAfter([received], { ...changed, expiresAtUnixMs: 3000n })).toEqual([])
})

test.each([
  ['content', { contentHash: new Uint8Array(32) }],
  ['envelope', { envelopeHash: new Uint8Array(32) }],
  ['sender', { sender: 'mallory@a.test' }],
  ['time', { createdAtUnixMs: 1001n }],
])('another %s under the same id is refused', (_, changed) => {
  expect(() => decideAfter([received], changed)).toThrow(
    expect.objectContaining({ code: 'DUPLICATE_MESSAGE_ID' }),
  )
})
