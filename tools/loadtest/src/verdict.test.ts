import { expect, test } from 'vitest'
import type { JournaledMessage } from './journal-messages.ts'
import { keyOf } from './message.ts'
import { copyKey, type Evidence, findings, judge } from './verdict.ts'

const idOf = (number: number) => Uint8Array.from({ length: 16 }, () => number)
const users = ['ann@a.test', 'bob@a.test', 'cid@a.test']
const copyOf = (number: number, user: number) => copyKey(keyOf(idOf(number)), user)

/** Messages 0, 1, 2 from ann to bob, one after the other, accepted. */
const message = (number: number, more: Partial<JournaledMessage> = {}): JournaledMessage => ({
  number,
  id: idOf(number),
  sender: 0,
  recipients: [1],
  bytes: 10,
  firstSent: number * 10,
  inTurnFrom: number * 10,
  decidedAt: number * 10 + 5,
  outcome: 'accepted',
  code: '',
  notified: new Set([1]),
  ...more,
})
const three = [message(0), message(1), message(2)]
const boxes = (...numbers: number[]) => new Map([[1, numbers.map(idOf)]])
const evidence = (more: Partial<Evidence>): Evidence => ({
  submit: 'stream',
  users,
  isAbsent: () => false,
  messages: three,
  ended: true,
  mailboxes: boxes(0, 1, 2),
  strangers: [],
  damage: new Map(),
  told: new Map(),
  ...more,
})
const isBob = (user: number) => user === 1
const none = Object.fromEntries(findings.map((finding) => [finding, 0]))
const found = (more: Partial<Evidence>) => judge(evidence(more)).counts

test('a run in which everything arrived once and in order has no problem', () => {
  expect(judge(evidence({}))).toEqual({
    messages: 3,
    accepted: 3,
    refused: 0,
    copies: 3,
    delivered: 3,
    bounced: 0,
    counts: none,
    problems: [],
  })
})

test('what is in no mailbox is lost', () => {
  const verdict = judge(evidence({ mailboxes: boxes(0, 2) }))
  expect(verdict.counts).toEqual({ ...none, lost: 1 })
  expect(verdict.problems[0]).toMatchObject({ number: 1, recipient: 'bob@a.test' })
})

test('what bounced to its sender is not lost, but must not be delivered too', () => {
  const told = new Map([[copyOf(1, 1), { state: 'bounced', code: 'EXPIRED' }]])
  expect(judge(evidence({ mailboxes: boxes(0, 2), told }))).toMatchObject({
    bounced: 1,
    counts: none,
  })
  expect(found({ told })).toEqual({ ...none, unexpected: 1 })
})

test('nobody who is there is told not to be', () => {
  const bounced = new Map([[copyOf(1, 1), { state: 'bounced', code: 'NO_SUCH_USER' }]])
  const delivered = { messages: [message(1)], mailboxes: boxes() }
  expect(found({ ...delivered, told: bounced, isAbsent: isBob })).toEqual(none)
  expect(found({ ...delivered, told: bounced })).toEqual({ ...none, unexpected: 1 })
  expect(found({ ...delivered, isAbsent: isBob })).toEqual({ ...none, lost: 1 })
})

test('what the sender is told is on its way is lost all the same', () => {
  const told = new Map([[copyOf(1, 1), { state: 'deferred', code: '' }]])
  expect(found({ mailboxes: boxes(0, 2), told })).toEqual({ ...none, lost: 1 })
})

test('each recipient counts', () => {
  const messages = [message(0, { recipients: [1, 2] })]
  const verdict = judge(evidence({ messages, mailboxes: boxes(0) }))
  expect(verdict).toMatchObject({ copies: 2, delivered: 1, counts: { lost: 1 } })
  expect(verdict.problems[0]).toMatchObject({ recipient: 'cid@a.test' })
})

test('what is there twice is duplicated', () => {
  expect(found({ mailboxes: boxes(0, 1, 1, 2) })).toEqual({ ...none, duplicated: 1 })
})

test('what is before an earlier message is reordered', () => {
  const verdict = judge(evidence({ mailboxes: boxes(0, 2, 1) }))
  expect(verdict.counts).toEqual({ ...none, reordered: 1 })
  expect(verdict.problems[0]).toMatchObject({ number: 2 })
})

test('a message that was refused for a while may be on either side of one that went meanwhile', () => {
  const messages = [message(0), message(1, { inTurnFrom: 25 }), message(2)]
  expect(found({ messages, mailboxes: boxes(0, 2, 1) })).toEqual(none)
  expect(found({ messages, mailboxes: boxes(0, 1, 2) })).toEqual(none)
  expect(found({ messages, mailboxes: boxes(1, 0, 2) })).toEqual({ ...none, reordered: 1 })
})

test('calls side by side have an order only where one was answered before the other began', () => {
  const messages = [message(0, { decidedAt: 15 }), message(1), message(2)]
  const unary = { submit: 'unary', messages } as const
  expect(found({ ...unary, mailboxes: boxes(1, 0, 2) })).toEqual(none)
  expect(found({ ...unary, mailboxes: boxes(1, 2, 0) })).toEqual({ ...none, reordered: 1 })
})

test('a recipient who was not told of what is in the mailbox is a problem, once the run is over', () => {
  const messages = [message(0), message(1, { notified: new Set() }), message(2)]
  const verdict = judge(evidence({ messages }))
  expect(verdict.counts).toEqual({ ...none, unheard: 1 })
  expect(verdict.problems[0]).toMatchObject({ number: 1, recipient: 'bob@a.test' })
  expect(found({ messages, ended: false })).toEqual(none)
  expect(found({ messages, mailboxes: boxes(0, 2) })).toEqual({ ...none, lost: 1 })
})

const fromSender = (sender: number) => ({
  submit: 'both' as const,
  messages: [message(0, { sender, decidedAt: 15 }), message(1, { sender }), message(2, { sender })],
  mailboxes: boxes(1, 0, 2),
})

test('where some go by calls, each sender has the order of its own way', () => {
  expect(found(fromSender(0))).toEqual({ ...none, reordered: 1 })
  expect(found(fromSender(6))).toEqual(none)
})

test('other conversations have no part in the order of one', () => {
  const messages = [message(0), message(1, { sender: 2 })]
  expect(found({ messages, mailboxes: boxes(1, 0) })).toEqual(none)
})

test('what cannot be read is corrupt', () => {
  const damage = new Map([[copyOf(1, 1), 'BAD_CONTENT']])
  expect(found({ damage })).toEqual({ ...none, corrupt: 1 })
})

test('what was never decided is unresolved, delivered or not', () => {
  const open = { outcome: 'unresolved', decidedAt: undefined } as const
  const messages = [message(0), message(1, open), message(2)]
  expect(found({ messages })).toEqual({ ...none, unresolved: 1 })
  expect(found({ messages, mailboxes: boxes(0, 2) })).toEqual({ ...none, unresolved: 1 })
})

test('what was refused must not be there', () => {
  const messages = [message(0), message(1, { outcome: 'refused', code: 'TOO_LARGE' }), message(2)]
  expect(found({ messages, mailboxes: boxes(0, 2) })).toEqual(none)
  expect(found({ messages })).toEqual({ ...none, unexpected: 1 })
})

test('what nobody sent, or not to this recipient, is unexpected', () => {
  expect(found({ strangers: [{ user: 1, id: idOf(9) }] })).toEqual({ ...none, unexpected: 1 })
  const mailboxes = new Map([...boxes(0, 1, 2), [2, [idOf(1)]] as const])
  expect(found({ mailboxes })).toEqual({ ...none, unexpected: 1 })
})
