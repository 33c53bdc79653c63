import { randomBytes } from '@mailx/crypto/random'
import { expect, test } from 'vitest'
import { sealedSubmission, someContent } from '../testing/sealed-submission.ts'
import { checkCreatedAt, checkSubmission } from './check-submission.ts'

const session = {
  address: 'alice@a.test',
  deviceId: new Uint8Array(16).fill(1),
  sessionId: new Uint8Array(16),
  issuedAt: 0,
  expiresAt: 1,
}

const refusal = (code: string, message = /./) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) })

const people = (count: number) => Array.from({ length: count }, (_, n) => `user${n}@b.test`)

test('a message of the session to several recipients holds together', () => {
  const submission = sealedSubmission({ to: ['bob@b.test', 'carol@c.test', 'alice@a.test'] })
  const message = checkSubmission(submission, session)
  expect(message.envelopes.map(({ recipient }) => recipient)).toEqual([
    'bob@b.test',
    'carol@c.test',
    'alice@a.test',
  ])
  expect(message.content).toBe(submission.content)
})

test('a message needs an id of 16 bytes and at least one recipient', () => {
  const to = ['bob@b.test']
  expect(() =>
    checkSubmission({ ...sealedSubmission({ to }), messageId: randomBytes(15) }, session),
  ).toThrow(refusal('INVALID_ARGUMENT', /message_id/))
  expect(() => checkSubmission(sealedSubmission({ to: [] }), session)).toThrow(
    refusal('INVALID_ARGUMENT', /one per recipient/),
  )
})

test('a hundred recipients are allowed, one more is not', () => {
  expect(checkSubmission(sealedSubmission({ to: people(100) }), session).envelopes).toHaveLength(
    100,
  )
  expect(() => checkSubmission(sealedSubmission({ to: people(101) }), session)).toThrow(
    refusal('TOO_MANY_RECIPIENTS', /101 recipients, the limit is 100/),
  )
})

test('a recipient is named once', () => {
  const submission = sealedSubmission({ to: ['bob@b.test', 'bob@b.test'] })
  expect(() => checkSubmission(submission, session)).toThrow(
    refusal('INVALID_ARGUMENT', /bob@b\.test is named twice/),
  )
})

test('content over the limit is refused by its size and the limit', () => {
  const content = someContent(1024 * 1024)
  expect(() => checkSubmission(sealedSubmission({ to: ['bob@b.test'], content }), session)).toThrow(
    refusal('TOO_LARGE', /1048576 bytes, the limit is 1044480/),
  )
})

test('content in an unknown form is refused', () => {
  for (const content of [new Uint8Array(0), randomBytes(40), new Uint8Array(300).fill(9)]) {
    const submission = sealedSubmission({ to: ['bob@b.test'], content })
    expect(() => checkSubmission(submission, session)).toThrow(refusal('BAD_CONTENT'))
  }
})

test('content that the envelopes do not name is refused', () => {
  const submission = { ...sealedSubmission({ to: ['bob@b.test'] }), content: someContent() }
  expect(() => checkSubmission(submission, session)).toThrow(
    refusal('BAD_CONTENT', /envelopes name/),
  )
})

test('an envelope of another sender is refused', () => {
  const submission = sealedSubmission({ to: ['bob@b.test'], from: 'mallory@a.test' })
  expect(() => checkSubmission(submission, session)).toThrow(
    refusal('PERMISSION_DENIED', /not who is signed in/),
  )
})

test('an envelope of another device is refused', () => {
  const submission = sealedSubmission({ to: ['bob@b.test'], deviceId: new Uint8Array(16).fill(2) })
  expect(() => checkSubmission(submission, session)).toThrow(
    refusal('PERMISSION_DENIED', /another device/),
  )
})

test('an envelope of another message is refused', () => {
  const submission = sealedSubmission({ to: ['bob@b.test'] })
  const other = { ...submission, messageId: randomBytes(16) }
  expect(() => checkSubmission(other, session)).toThrow(
    refusal('INVALID_ARGUMENT', /another message/),
  )
})

test('envelopes that are dated differently are refused', () => {
  const content = someContent()
  const messageId = randomBytes(16)
  const [first, second] = [1, 2].map((createdAt) =>
    sealedSubmission({ to: [`user${createdAt}@b.test`], content, messageId, createdAt }),
  )
  const envelopes = [...(first?.envelopes ?? []), ...(second?.envelopes ?? [])]
  const submission = { ...sealedSubmission({ to: [], content, messageId }), envelopes }
  expect(() => checkSubmission(submission, session)).toThrow(
    refusal('INVALID_ARGUMENT', /dated differently/),
  )
})

test('an envelope that does not decode, or is too large, is refused', () => {
  const submission = sealedSubmission({ to: ['bob@b.test'] })
  const noise = { ...submission, envelopes: [randomBytes(100)] }
  expect(() => checkSubmission(noise, session)).toThrow(refusal('BAD_ENVELOPE'))
  const large = { ...submission, envelopes: [randomBytes(5000)] }
  expect(() => checkSubmission(large, session)).toThrow(refusal('TOO_LARGE', /limit is 4096/))
})

test('a suite of the future is refused as such', () => {
  const submission = sealedSubmission({ to: ['bob@b.test'], envelope: { suite: 2 } })
  expect(() => checkSubmission(submission, session)).toThrow(refusal('UNSUPPORTED_VERSION'))
})

test('attachment parts are named by 32 bytes, once each, and not without end', () => {
  const to = ['bob@b.test']
  const [hash] = [randomBytes(32)]
  const check = (attachmentHashes: Uint8Array[]) => () =>
    checkSubmission(sealedSubmission({ to, attachmentHashes }), session)
  expect(check([hash])).not.toThrow()
  expect(check([randomBytes(31)])).toThrow(refusal('INVALID_ARGUMENT', /32 bytes/))
  expect(check([hash, hash])).toThrow(refusal('INVALID_ARGUMENT', /named twice/))
  expect(check(Array.from({ length: 401 }, () => randomBytes(32)))).toThrow(
    refusal('TOO_LARGE', /401 attachment parts, the limit is 400/),
  )
})

test('a message is made now, give or take five minutes', () => {
  const now = 10_000_000
  const skew = 5 * 60 * 1000
  expect(() => checkCreatedAt(now - skew, now)).not.toThrow()
  expect(() => checkCreatedAt(now + skew, now)).not.toThrow()
  expect(() => checkCreatedAt(now - skew - 1, now)).toThrow(refusal('EXPIRED', /seal it again/))
  expect(() => checkCreatedAt(now + skew + 1, now)).toThrow(
    refusal('FROM_THE_FUTURE', /set the clock/),
  )
})

test('envelopes that commit to different content keys are refused', () => {
  const same = { messageId: randomBytes(16), content: someContent(), createdAt: 1 }
  const [one, other] = ['bob@b.test', 'carol@c.test'].map((to) =>
    sealedSubmission({ ...same, to: [to] }),
  )
  if (!one || !other) throw new Error('two submissions are needed')
  const envelopes = [...one.envelopes, ...other.envelopes]
  expect(() => checkSubmission({ ...one, envelopes }, session)).toThrow(
    refusal('BAD_ENVELOPE', /different content keys/),
  )
})
