import { MailxError } from '@mailx/errors/mailx-error'
import { DeliveryResponse } from '@mailx/proto/delivery/v1/delivery_service'
import { expect, test } from 'vitest'
import { readFailure } from './failure.ts'
import { cleanText, readAnswer } from './peer-answer.ts'

const id = '018f3c5e-7a1b-7c2d-8e3f-0123456789ab'

test('an acceptance counts with an id and a time', () => {
  const answer = readAnswer(DeliveryResponse.create({ messageId: id, timestamp: 7n }))
  expect(answer).toMatchObject({ type: 'accepted', acceptedAt: 7 })
})

test.each([
  ['an empty reply', {}],
  ['an acceptance without a time', { messageId: id }],
  ['an acceptance without an id', { timestamp: 7n }],
  ['an acceptance with another kind of id', { messageId: 'abc', timestamp: 7n }],
  ['a status of a newer version', { status: 'UNRECOGNIZED' as const, timestamp: 7n }],
])('%s says nothing', (_, response) => {
  expect(readAnswer(DeliveryResponse.create(response))).toMatchObject({
    type: 'unknown',
    fault: { code: 'BAD_ANSWER' },
  })
})

test('a peer that asks to try later says when', () => {
  const response = DeliveryResponse.create({ status: 'TRY_LATER', retryAfterMs: 500 })
  expect(readAnswer(response)).toMatchObject({ type: 'later', retryAfterMs: 500 })
})

test('a peer’s words are shown on one line, cut, without tricks', () => {
  expect(cleanText('a\r\nb\u202Ec\u0000 d')).toBe('a b c d')
  expect(cleanText('x'.repeat(1_000))).toHaveLength(300)
})

test.each([
  ['discover', 'DOMAIN_NOT_FOUND', 'refuse'],
  ['discover', 'NO_MAILX_RECORD', 'refuse'],
  ['discover', 'DISCOVERY_FAILED', 'retry'],
  ['discover', 'BAD_DOMAIN_DOCUMENT', 'retry'],
  ['discover', 'UNAVAILABLE', 'wait'],
  ['prepare', 'UNAVAILABLE', 'wait'],
  ['prepare', 'NOT_FOUND', 'wait'],
  ['connect', 'PEER_NOT_AUTHENTIC', 'retry'],
  ['connect', 'UNSUPPORTED_VERSION', 'retry'],
  ['connect', 'DOMAIN_NOT_FOUND', 'retry'],
  ['deliver', 'DEADLINE_EXCEEDED', 'retry'],
] as const)('while it tries to %s, %s means %s', (stage, code, action) => {
  expect(readFailure(new MailxError(code, 'so'), stage)).toEqual({
    fault: { code, reason: 'so' },
    action,
  })
})

test('an error that nobody foresaw shows nothing of itself', () => {
  expect(readFailure(new Error('secret'), 'deliver').fault).toEqual({
    code: 'INTERNAL',
    reason: 'the attempt failed here',
  })
})
