import { expect, test } from 'vitest'
import { decodeEvent, encodeEvent } from './codec.ts'
import { contextNames, contexts } from './contexts.ts'
import { encodeMessage } from './encode.ts'
import { mailboxEvents } from './mailbox.ts'

const event = {
  type: 'FlagsChanged',
  data: {
    mailbox: 'alice@a.test',
    messageIds: [new Uint8Array([1])],
    add: ['seen'],
    remove: [],
  },
} as const

test('an event is the same after encoding and decoding', () => {
  expect(decodeEvent(mailboxEvents, encodeEvent(mailboxEvents, event))).toEqual(event)
})

test('an event that is not in the table cannot be written', () => {
  expect(() => encodeEvent(mailboxEvents, { ...event, type: 'Nonsense' })).toThrow('Nonsense')
})

test('a type from a newer version reads as undefined, whatever its name', () => {
  for (const type of ['FromTheFuture', 'toString', '__proto__']) {
    expect(decodeEvent(mailboxEvents, { type, data: new Uint8Array(0) })).toBeUndefined()
  }
})

test('bytes that are not the message throw', () => {
  const data = new Uint8Array([0x0a, 0xff])
  expect(() => decodeEvent(mailboxEvents, { type: 'FlagsChanged', data })).toThrow(
    /premature EOF|out of range|RangeError/i,
  )
})

test('each context has one writer, and a name that a subject and a partition can carry', () => {
  for (const name of contextNames) {
    expect(name).toMatch(/^[a-z]+$/)
    expect(contexts[name].writer).toMatch(/^[a-z-]+$/)
  }
})

test('a message that cannot be encoded leaves nothing behind in the next one', () => {
  const codec = mailboxEvents.MessagesDeleted
  const { mailbox, messageIds } = event.data
  const good = { mailbox, messageIds, freedBytes: 7n, freedMessages: 1 }
  const alone = codec.encode(good).finish()
  const bad = { ...good, freedBytes: 2n ** 70n }
  expect(() => encodeMessage(codec, bad)).toThrow('too large')
  expect(encodeMessage(codec, good)).toEqual(alone)
  expect(encodeMessage(codec, good)).toEqual(alone)
})
