import { expect, test } from 'vitest'
import { decodeJournal, encodeGroup } from './journal-codec.ts'
import type { JournalRecord } from './journal-record.ts'

const start: JournalRecord = {
  kind: 'start',
  run: {
    mailxLoadJournal: 1,
    runId: '3f9a',
    startedAt: '2026-01-02T03:04:05.000Z',
    seed: 7,
    submit: 'both',
    users: ['a@a.test', 'b@b.test'],
    absent: ['nobody@b.test'],
  },
}
const id = Uint8Array.from({ length: 16 }, (_, index) => index)
const records: readonly JournalRecord[] = [
  { kind: 'mailbox', user: 1, cursor: Uint8Array.of(1, 2, 3) },
  { kind: 'sent', at: 1.5, number: 0, id, sender: 0, bytes: 2048, recipients: [1, 4_000_000_000] },
  { kind: 'resent', at: 2.25, number: 0 },
  { kind: 'put-off', at: 2.5, number: 0 },
  { kind: 'accepted', at: 3, number: 0 },
  { kind: 'refused', at: 4, number: 1, code: 'QUOTA_EXCEEDED' },
  { kind: 'notified', at: 5, number: 0, user: 1 },
  { kind: 'end', at: 6 },
]

test('every kind of record comes back as it was written', () => {
  const bytes = Buffer.concat([encodeGroup([start]), encodeGroup(records)])
  expect(decodeJournal(bytes)).toEqual({ records: [start, ...records], tornBytes: 0 })
})

test('a group that was cut off anywhere is left out, and what is before it is there', () => {
  const whole = Buffer.concat([encodeGroup([start]), encodeGroup(records.slice(0, 2))])
  const last = encodeGroup(records.slice(2))
  for (let length = 1; length < last.length; length++) {
    const read = decodeJournal(Buffer.concat([whole, last.subarray(0, length)]))
    expect(read.records).toEqual([start, ...records.slice(0, 2)])
    expect(read.tornBytes).toBe(length)
  }
})

test('nothing behind a damaged group is believed', () => {
  const [first, second, third] = [[start], records.slice(0, 3), records.slice(3)].map(encodeGroup)
  if (!first || !second || !third) throw new Error('three groups')
  second[20] = (second[20] ?? 0) ^ 1
  const read = decodeJournal(Buffer.concat([first, second, third]))
  expect(read.records).toEqual([start])
  expect(read.tornBytes).toBe(second.length + third.length)
})

test('zeros at the end, as a lost machine leaves them, are no records', () => {
  const read = decodeJournal(Buffer.concat([encodeGroup([start]), Buffer.alloc(4096)]))
  expect(read.records).toEqual([start])
})

test.each([
  ['nothing', Buffer.alloc(0)],
  ['text', Buffer.from('{"not":"a journal"}')],
  ['a journal without its beginning', encodeGroup(records)],
])('%s is refused', (_what, bytes) => {
  expect(() => decodeJournal(bytes)).toThrow(/no journal/)
})
