import { expect, test } from 'vitest'
import { noJournal } from './journal.ts'
import type { JournalRecord } from './journal-record.ts'
import { keyOf, type Message } from './message.ts'
import type { Person } from './people.ts'
import { tracker } from './tracker.ts'

const person = (user: number): Person => ({ user }) as Person
const [ann, bob, cid] = [person(0), person(1), person(2)]

function begun(...recipients: readonly Person[]) {
  const records: JournalRecord[] = []
  const journal = { ...noJournal, add: (record: JournalRecord) => records.push(record) }
  const track = tracker({ journal, now: () => 0, measureFrom: 0 })
  const messageId = Uint8Array.from({ length: 16 }, () => 1)
  const message = {
    number: 0,
    key: keyOf(messageId),
    sender: ann,
    recipients,
    absent: [],
    bytes: 1,
    submission: { messageId },
    due: 0,
    attempts: 0,
    decided: false,
    heard: [],
  } as unknown as Message
  track.send([message])
  return { records, track, message, messageId }
}

test('everybody to whom an accepted message went has to hear of it, before or after its answer', () => {
  const { track, message, messageId } = begun(bob, cid)
  track.heard(bob, messageId)
  expect(track.unheard()).toBe(0)
  track.events.accepted(message)
  expect(track.unheard()).toBe(1)
  track.heard(bob, messageId)
  expect(track.unheard()).toBe(1)
  expect(track.isDone()).toBe(false)
  track.heard(cid, messageId)
  expect(track.unheard()).toBe(0)
  expect(track.isDone()).toBe(true)
})

test('nobody has to hear of what was refused', () => {
  const { track, message } = begun(bob)
  track.events.refused(message, 'TOO_LARGE')
  expect(track.unheard()).toBe(0)
  expect(track.isDone()).toBe(true)
})

test('a refusal that passes is journaled, and its code counted', () => {
  const { records, track, message } = begun(bob)
  track.events.putOff(message, 'RESOURCE_EXHAUSTED')
  track.events.resending([message])
  expect(records.map(({ kind }) => kind)).toEqual(['sent', 'put-off', 'resent'])
  expect(track.troubles.get('RESOURCE_EXHAUSTED')).toBe(1)
  expect(track.isDone()).toBe(false)
})
