import type { SubmissionEvent } from '@mailx/events/submission'
import { Route } from '@mailx/proto/submission/v1/events'
import { expect, test } from 'vitest'
import { bytesTakenIn, creditOf, decideFill } from './quota.ts'

const mailbox = 'bob@b.test'
const recipient = (address: string, route: Route) => ({
  address,
  route,
  envelopeHash: new Uint8Array(32),
  envelopeSize: 10,
})

const fill = (usedBytes: number, isFull = false) => ({ mailbox, usedBytes, isFull })

test('a mailbox is full from its quota on', () => {
  expect(decideFill(fill(999), 1000)).toEqual([])
  expect(decideFill(fill(1000), 1000)).toEqual([
    { type: 'MailboxFilled', data: { mailbox, usedBytes: 1000n, quotaBytes: 1000n } },
  ])
})

test('a full mailbox that takes in more stays full without another event', () => {
  expect(decideFill(fill(2000, true), 1000)).toEqual([])
})

test('a full mailbox has room again below its quota', () => {
  expect(decideFill(fill(10, true), 1000)).toEqual([
    { type: 'MailboxFreed', data: { mailbox, usedBytes: 10n, quotaBytes: 1000n } },
  ])
})

test('a quota that was lowered fills a mailbox', () => {
  expect(decideFill(fill(500), 100)).toMatchObject([{ type: 'MailboxFilled' }])
})

test('all watchers together cannot take in more than what is free before one looks again', () => {
  const watchers = 9
  expect(creditOf(fill(100), 1000, watchers) * watchers).toBeLessThanOrEqual(900)
  expect(creditOf(fill(100), 1000, watchers)).toBe(100)
})

test('a full or overfull mailbox has no credit', () => {
  expect(creditOf(fill(1000, true), 1000, 3)).toBe(0)
  expect(creditOf(fill(1200), 1000, 3)).toBe(0)
})

test('only recipients here take in what is submitted, each with content, envelope and attachments', () => {
  const submitted: SubmissionEvent = {
    type: 'MessageAccepted',
    data: {
      messageId: new Uint8Array(16),
      sender: 'alice@a.test',
      senderDeviceId: new Uint8Array(16),
      createdAtUnixMs: 1n,
      contentHash: new Uint8Array(32),
      contentSize: 100,
      recipients: [
        recipient(mailbox, Route.LOCAL),
        recipient('carol@c.test', Route.REMOTE),
        recipient('nobody@b.test', Route.UNDELIVERABLE),
      ],
      attachments: [{ hash: new Uint8Array(32), size: 1000 }],
      expiresAtUnixMs: 2n,
    },
  }
  expect([...bytesTakenIn([submitted, submitted])]).toEqual([[mailbox, 2220]])
})
