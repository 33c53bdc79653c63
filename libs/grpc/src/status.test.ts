import { Metadata, type ServiceError, status } from '@grpc/grpc-js'
import { errorCodes, MailxError } from '@mailx/errors/mailx-error'
import { expect, test } from 'vitest'
import { fromServiceError, toStatus } from './status.ts'

const serviceError = (code: status, details: string, metadata = new Metadata()): ServiceError =>
  Object.assign(new Error(`${code} ${details}`), { code, details, metadata })

const sent = (error: unknown): MailxError => {
  const { code, details, metadata } = toStatus(error)
  return fromServiceError(serviceError(code, details, metadata))
}

test.each(errorCodes.filter((code) => code !== 'INTERNAL'))(
  '%s arrives as it was thrown',
  (code) => {
    const { message, code: arrived } = sent(new MailxError(code, 'what to do'))
    expect([arrived, message]).toEqual([code, 'what to do'])
  },
)

test('when to try again arrives, too', () => {
  const error = new MailxError('RATE_LIMITED', 'slow down', { retryAfterMs: 1234.5 })
  expect(sent(error).retryAfterMs).toBe(1235)
  expect(sent(new MailxError('NOT_FOUND', 'gone')).retryAfterMs).toBeUndefined()
})

test.each([
  ['a stranger', new Error('password is hunter2')],
  ['a code of our own that tells of inner trouble', new MailxError('INTERNAL', 'hunter2')],
  ['no error at all', 'hunter2'],
])('%s leaves as a bare INTERNAL', (_, error) => {
  const answer = toStatus(error)
  expect(answer).toMatchObject({ code: status.INTERNAL, details: 'internal error' })
  expect(sent(error)).toMatchObject({ code: 'INTERNAL', message: 'internal error' })
})

test.each([
  [status.UNAVAILABLE, 'UNAVAILABLE'],
  [status.DEADLINE_EXCEEDED, 'DEADLINE_EXCEEDED'],
  [status.UNIMPLEMENTED, 'UNSUPPORTED_VERSION'],
  [status.RESOURCE_EXHAUSTED, 'RESOURCE_EXHAUSTED'],
  [status.UNKNOWN, 'INTERNAL'],
])('status %s of a program that is not ours means %s', (code, expected) => {
  expect(fromServiceError(serviceError(code, 'x')).code).toBe(expected)
})

test('a hostile trailer or text does no harm', () => {
  const metadata = new Metadata()
  metadata.set('mailx-code', 'toString')
  metadata.set('mailx-retry-after-ms', '-5e999')
  const details = `a\u001b[31m\r\n${'x'.repeat(10_000)}`
  const error = fromServiceError(serviceError(status.NOT_FOUND, details, metadata))
  expect(error.code).toBe('NOT_FOUND')
  expect(error.retryAfterMs).toBeUndefined()
  expect(error.message.length).toBeLessThanOrEqual(500)
  expect(error.message).not.toMatch(/\p{Cc}/u)
})

test('an error that never left this program is INTERNAL with its cause', () => {
  const cause = new TypeError('no such field')
  expect(fromServiceError(cause)).toMatchObject({ code: 'INTERNAL', cause })
})
