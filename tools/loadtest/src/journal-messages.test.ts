import { expect, test } from 'vitest'
import { journalMessages } from './journal-messages.ts'
import type { JournalRecord } from './journal-record.ts'

const sent = (number: number): JournalRecord => ({
  kind: 'sent',
  at: 0,
  number,
  id: Uint8Array.from({ length: 16 }, () => number),
  sender: 0,
  bytes: 1,
  recipients: [1],
})
const about = (kind: 'resent' | 'put-off' | 'accepted', number: number): JournalRecord => ({
  kind,
  at: 0,
  number,
})
const inTurnFrom = (...records: JournalRecord[]) =>
  journalMessages(records).messages.map((message) => message.inTurnFrom)

test('a lost connection does not take a message its place', () => {
  expect(inTurnFrom(sent(0), sent(1), about('resent', 0), about('resent', 0))).toEqual([0, 1])
})

test('a refusal that passes does: it has the place of the hand-over that follows', () => {
  const records = [sent(0), sent(1), about('put-off', 0), about('resent', 0), about('resent', 0)]
  expect(inTurnFrom(...records)).toEqual([3, 1])
  expect(inTurnFrom(sent(0), about('put-off', 0))).toEqual([Number.POSITIVE_INFINITY])
})

test('what became of a message is what the journal says last', () => {
  const { messages, ended } = journalMessages([
    sent(0),
    { kind: 'notified', at: 1, number: 0, user: 1 },
    about('accepted', 0),
    { kind: 'end', at: 2 },
  ])
  expect(messages).toMatchObject([{ outcome: 'accepted', decidedAt: 2, notified: new Set([1]) }])
  expect(ended).toBe(true)
})
