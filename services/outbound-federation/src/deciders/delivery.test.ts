import type { DeliveryEvent } from '@mailx/events/delivery'
import { expect, test } from 'vitest'
import { type DeliveryCommand, delivery } from './delivery.ts'

const HOUR_MS = 3_600_000
const facts = {
  messageId: new Uint8Array(16).fill(1),
  sender: 'alice@a.test',
  recipient: 'bob@b.test',
  peer: 'b.test',
}
const away = { code: 'UNAVAILABLE', reason: 'the peer cannot be reached' }

const receipt: DeliveryCommand = {
  type: 'RecordReceipt',
  facts,
  acceptedId: new Uint8Array(16).fill(2),
  acceptedAt: 5,
  receipt: new Uint8Array([3]),
}
const failure = (fault = away, attempts = 1): DeliveryCommand => ({
  type: 'RecordFailure',
  facts,
  fault,
  attempts,
})
const refusal: DeliveryCommand = {
  type: 'RecordRefusal',
  facts,
  fault: { code: 'DOMAIN_NOT_FOUND', reason: 'b.test does not exist' },
}
const time = (at: number): DeliveryCommand => ({
  type: 'CheckTime',
  facts,
  fault: away,
  since: 0,
  delayNoticeMs: HOUR_MS,
  expiresAt: 120 * HOUR_MS,
  at,
})

const given = (history: readonly DeliveryEvent[]) =>
  history.reduce(delivery.evolve, delivery.initialState)
const after = (...commands: DeliveryCommand[]): DeliveryEvent[] =>
  commands.reduce<DeliveryEvent[]>(
    (history, command) => [...history, ...delivery.decide(command, given(history))],
    [],
  )
const types = (...commands: DeliveryCommand[]) => after(...commands).map(({ type }) => type)

test('a receipt ends the delivery', () => {
  expect(after(receipt)).toEqual([
    {
      type: 'DeliverySucceeded',
      data: {
        ...facts,
        acceptedId: new Uint8Array(16).fill(2),
        acceptedAtUnixMs: 5n,
        receipt: new Uint8Array([3]),
      },
    },
  ])
})

test('a failure is told once for each reason, not once for each attempt', () => {
  const late = { code: 'TRY_LATER', reason: 'busy' }
  expect(types(failure(), failure(away, 2), failure(late, 3), failure(away, 4))).toEqual([
    'DeliveryDeferred',
    'DeliveryDeferred',
  ])
})

test('a refusal bounces at once, with its code', () => {
  expect(after(refusal)).toMatchObject([
    { type: 'DeliveryBounced', data: { code: 'DOMAIN_NOT_FOUND', recipient: 'bob@b.test' } },
  ])
})

test('the sender hears of a delay after an hour, once', () => {
  expect(types(time(HOUR_MS - 1))).toEqual([])
  expect(types(time(HOUR_MS), time(2 * HOUR_MS))).toEqual(['DeliveryDelayed'])
})

test('a delivery bounces at the end of its life, with the last reason', () => {
  const events = after(time(2 * HOUR_MS), time(120 * HOUR_MS))
  expect(events.at(-1)).toMatchObject({
    type: 'DeliveryBounced',
    data: { code: 'EXPIRED', reason: 'given up after 5 days; last: the peer cannot be reached' },
  })
})

test.each([
  ['a receipt', receipt],
  ['a refusal', refusal],
  ['a failure', failure()],
  ['time', time(999 * HOUR_MS)],
])('after a final outcome %s changes nothing', (_, command) => {
  expect(delivery.decide(command, given(after(receipt)))).toEqual([])
  expect(delivery.decide(command, given(after(refusal)))).toEqual([])
})

test('an event of a newer version leaves the delivery as it is', () => {
  const unknown = { type: 'DeliveryRerouted', data: {} } as unknown as DeliveryEvent
  expect(given([unknown])).toEqual(delivery.initialState)
})
