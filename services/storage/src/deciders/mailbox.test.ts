import { expect, test } from 'vitest'
import { deleteMessages, type KnownMessage, setFlags } from './mailbox.ts'

const mailbox = 'bob@b.test'
const id = (byte: number) => new Uint8Array(16).fill(byte)

const inBox = (byte: number, over: Partial<KnownMessage> = {}): KnownMessage => ({
  messageId: id(byte),
  size: 100 * byte,
  entries: 1,
  flags: [],
  deleted: false,
  ...over,
})

const refusal = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

test('flags are set on the messages that lack them', () => {
  const known = [inBox(1), inBox(2, { flags: ['seen'] })]
  const command = { mailbox, messageIds: [id(1), id(2)], add: ['seen'], remove: [] }
  expect(setFlags(command, known)).toEqual([
    { type: 'FlagsChanged', data: { mailbox, messageIds: [id(1)], add: ['seen'], remove: [] } },
  ])
})

test('flags are cleared on the messages that have them', () => {
  const known = [inBox(1, { flags: ['seen'] }), inBox(2)]
  const command = { mailbox, messageIds: [id(1), id(2)], add: [], remove: ['seen'] }
  const [event] = setFlags(command, known)
  expect(event?.data).toMatchObject({ messageIds: [id(1)], remove: ['seen'] })
})

test('nothing happens when all flags are as wanted', () => {
  const known = [inBox(1, { flags: ['flagged', 'seen'] })]
  const command = { mailbox, messageIds: [id(1)], add: ['seen'], remove: ['answered'] }
  expect(setFlags(command, known)).toEqual([])
})

test('an unknown message is refused by its id, and the others are not touched', () => {
  const command = { mailbox, messageIds: [id(1), id(9)], add: ['seen'], remove: [] }
  expect(() => setFlags(command, [inBox(1)])).toThrow(
    refusal('NOT_FOUND', /09090909-0909-0909-0909-090909090909/),
  )
})

test('a deleted message has no flags to set', () => {
  const known = [inBox(1, { deleted: true })]
  const command = { mailbox, messageIds: [id(1)], add: ['seen'], remove: [] }
  expect(() => setFlags(command, known)).toThrow(refusal('NOT_FOUND', /not in this mailbox/))
})

test('a message has at most 64 flags', () => {
  const flags = Array.from({ length: 64 }, (_, index) => `flag${index}`)
  const command = { mailbox, messageIds: [id(1)], add: ['one-more'], remove: [] }
  expect(() => setFlags(command, [inBox(1, { flags })])).toThrow(
    refusal('TOO_LARGE', /limit is 64/),
  )
})

test('a flag that is set while another is cleared keeps within the limit', () => {
  const flags = Array.from({ length: 64 }, (_, index) => `flag${index}`)
  const command = { mailbox, messageIds: [id(1)], add: ['one-more'], remove: ['flag0'] }
  expect(setFlags(command, [inBox(1, { flags })])).toHaveLength(1)
})

test('a deletion says how much it frees', () => {
  const known = [inBox(1), inBox(2, { entries: 2, size: 500 })]
  const [event] = deleteMessages({ mailbox, messageIds: [id(1), id(2)] }, known)
  expect(event).toEqual({
    type: 'MessagesDeleted',
    data: { mailbox, messageIds: [id(1), id(2)], freedBytes: 600n, freedMessages: 3 },
  })
})

test('a message that is named twice is deleted once', () => {
  const [event] = deleteMessages({ mailbox, messageIds: [id(3), id(3)] }, [inBox(3)])
  expect(event?.data).toMatchObject({ messageIds: [id(3)], freedBytes: 300n, freedMessages: 1 })
})

test('a deleted message cannot be deleted again, so that it frees nothing twice', () => {
  const known = [inBox(1), inBox(2, { deleted: true })]
  const command = { mailbox, messageIds: [id(1), id(2)] }
  expect(() => deleteMessages(command, known)).toThrow(refusal('NOT_FOUND', /^message 02020202/))
})
