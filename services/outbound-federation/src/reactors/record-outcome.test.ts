import { MailxError } from '@mailx/errors/mailx-error'
import type { EventLog } from '@mailx/event-log/event-log'
import { memoryEventLog } from '@mailx/event-log/memory-event-log'
import { encodeEvent } from '@mailx/events/codec'
import { deliveryEvents } from '@mailx/events/delivery'
import { expect, test } from 'vitest'
import type { DueDelivery } from '../deciders/due-delivery.ts'
import { deliveryStream, factsOf, recordOutcome } from './record-outcome.ts'

const newLog = () => memoryEventLog({ delivery: 2 }, () => 1)
const { signal } = new AbortController()

const newDelivery = (): DueDelivery => ({
  origin: 'a.test',
  peer: 'b.test',
  partition: 'submission-0',
  position: 1n,
  ordinal: 0,
  messageId: new Uint8Array(16).fill(1),
  sender: 'alice@a.test',
  recipient: 'bob@b.test',
  acceptedAt: 0,
  createdAt: 0,
  expiresAt: 9,
  contentHash: new Uint8Array(32),
  contentSize: 1,
  envelopeHash: new Uint8Array(32),
  envelopeSize: 1,
  attachments: [],
  traceparent: '',
  state: { status: 'due', told: [], delayed: false },
  version: 0,
  attempts: 0,
  lastFault: undefined,
})
const due = newDelivery()
const bounce = {
  type: 'RecordRefusal',
  facts: factsOf(due),
  fault: { code: 'TOO_LARGE', reason: 'so' },
} as const
const defer = {
  type: 'RecordFailure',
  facts: factsOf(due),
  fault: { code: 'UNAVAILABLE', reason: 'away' },
  attempts: 1,
} as const

const typesIn = async (log: EventLog) =>
  (await log.readStream(deliveryStream(due))).map(({ type }) => type)

test('what is recorded is known of the delivery afterwards', async () => {
  const [log, delivery] = [newLog(), newDelivery()]
  await recordOutcome({ log, signal }, delivery, defer)
  await recordOutcome({ log, signal }, delivery, defer)
  await recordOutcome({ log, signal }, delivery, bounce)
  expect(delivery).toMatchObject({ version: 2, state: { status: 'bounced' } })
  expect(await typesIn(log)).toEqual(['DeliveryDeferred', 'DeliveryBounced'])
})

test('what another owner recorded meanwhile is taken into account', async () => {
  const [log, delivery] = [newLog(), newDelivery()]
  const event = { type: 'DeliveryDelayed', data: { ...factsOf(due), reason: 'so' } }
  const events = [encodeEvent(deliveryEvents, event)]
  await log.append({ ...deliveryStream(due), expectedVersion: 0, events })
  await recordOutcome({ log, signal }, delivery, bounce)
  expect(delivery).toMatchObject({ version: 2, state: { status: 'bounced' } })
})

test('a final outcome by another owner stands', async () => {
  const [log, first, second] = [newLog(), newDelivery(), newDelivery()]
  await recordOutcome({ log, signal }, first, bounce)
  await recordOutcome({ log, signal }, second, defer)
  expect(second).toMatchObject({ version: 1, state: { status: 'bounced' } })
  expect(await typesIn(log)).toEqual(['DeliveryBounced'])
})

/** A log that is away for the first appends. */
function failing(times: number, error: MailxError): EventLog {
  const log = newLog()
  let left = times
  return {
    ...log,
    append: async (request) => {
      left -= 1
      if (left >= 0) throw error
      return log.append(request)
    },
  }
}

test('an outcome is not lost while the log is away', async () => {
  const log = failing(2, new MailxError('UNAVAILABLE', 'Postgres is away'))
  const delivery = newDelivery()
  await recordOutcome({ log, signal }, delivery, bounce)
  expect(await typesIn(log)).toEqual(['DeliveryBounced'])
})

test('a lane that is given up does not wait for the log', async () => {
  const log = failing(1, new MailxError('UNAVAILABLE', 'Postgres is away'))
  const aborted = AbortSignal.abort()
  await expect(
    recordOutcome({ log, signal: aborted }, newDelivery(), bounce),
  ).rejects.toMatchObject({
    code: 'UNAVAILABLE',
  })
})

test('an error that waiting does not mend is told', async () => {
  const log = failing(1, new MailxError('CORRUPT_LOG', 'broken'))
  await expect(recordOutcome({ log, signal }, newDelivery(), bounce)).rejects.toMatchObject({
    code: 'CORRUPT_LOG',
  })
})
