import { randomBytes } from '@mailx/crypto/random'
import { encodeEvent } from '@mailx/events/codec'
import { type SubmissionEvent, submissionEvents } from '@mailx/events/submission'
import type { Submission } from '@mailx/proto/client/v1/client_service'
import { Route } from '@mailx/proto/submission/v1/events'
import { expect, test } from 'vitest'
import { sealedSubmission, someContent } from '../testing/sealed-submission.ts'
import { checkSubmission } from './check-submission.ts'
import { type AcceptMessage, submission } from './submission.ts'

const session = {
  address: 'alice@a.test',
  deviceId: new Uint8Array(16).fill(1),
  sessionId: new Uint8Array(16),
  issuedAt: 0,
  expiresAt: 1,
}

const accept = (sealed: Submission, over: Partial<AcceptMessage> = {}): AcceptMessage => ({
  type: 'AcceptMessage',
  session,
  message: checkSubmission(sealed, session),
  routes: sealed.envelopes.map(() => Route.LOCAL),
  attachments: sealed.attachmentHashes.map((hash) => ({ hash, size: 7 })),
  expiresAt: 99,
  ...over,
})

const decideAfter = (history: readonly SubmissionEvent[], command: AcceptMessage) =>
  submission.decide(command, history.reduce(submission.evolve, submission.initialState))

const sealed = sealedSubmission({
  to: ['bob@b.test', 'carol@c.test'],
  createdAt: 50,
  attachmentHashes: [randomBytes(32)],
})

test('a new message is accepted with a route for each recipient', () => {
  const routes = [Route.LOCAL, Route.REMOTE]
  const [event] = decideAfter([], accept(sealed, { routes }))
  expect(event?.type).toBe('MessageAccepted')
  expect(event?.data).toMatchObject({
    messageId: sealed.messageId,
    sender: 'alice@a.test',
    createdAtUnixMs: 50n,
    expiresAtUnixMs: 99n,
    contentSize: sealed.content.length,
    attachments: [{ hash: sealed.attachmentHashes[0], size: 7 }],
    recipients: [
      { address: 'bob@b.test', route: Route.LOCAL, envelopeSize: sealed.envelopes[0]?.length },
      { address: 'carol@c.test', route: Route.REMOTE },
    ],
  })
})

test('the event holds hashes and sizes of the sealed bytes, never the bytes', () => {
  const large = sealedSubmission({ to: ['bob@b.test'], content: someContent(100_000) })
  const [event] = decideAfter([], accept(large))
  expect(encodeEvent(submissionEvents, event as SubmissionEvent).data.length).toBeLessThan(300)
})

test('the same message once more is nothing new', () => {
  const history = decideAfter([], accept(sealed))
  expect(decideAfter(history, accept(sealed, { expiresAt: 1234 }))).toEqual([])
})

test('the same message is nothing new although a recipient was registered since', () => {
  const history = decideAfter([], accept(sealed, { routes: [Route.UNDELIVERABLE, Route.REMOTE] }))
  expect(decideAfter(history, accept(sealed))).toEqual([])
})

test('another message under the same id is refused', () => {
  const history = decideAfter([], accept(sealed))
  const { messageId } = sealed
  const others = [
    sealedSubmission({ to: ['bob@b.test', 'carol@c.test'], messageId, content: someContent() }),
    { ...sealed, envelopes: sealed.envelopes.slice(0, 1) },
    { ...sealed, envelopes: sealed.envelopes.toReversed() },
    { ...sealed, attachmentHashes: [] },
    { ...sealed, attachmentHashes: [randomBytes(32)] },
  ]
  for (const other of others) {
    expect(() => decideAfter(history, accept(other))).toThrow(
      expect.objectContaining({ code: 'DUPLICATE_MESSAGE_ID' }),
    )
  }
})
