import { MailxError } from '@mailx/errors/mailx-error'
import { expect, test } from 'vitest'
import { fromPostgresError, isRefusal, isTransient } from './postgres-error.ts'

const refusal = (code: string, severity = 'ERROR') =>
  Object.assign(new Error('as Postgres says'), { code, severity })

test.each<[string, Error, string]>([
  ['disk full', refusal('53100'), 'STORAGE_FULL'],
  ['read-only', refusal('25006'), 'UNAVAILABLE'],
  ['too many connections', refusal('53300', 'FATAL'), 'UNAVAILABLE'],
  ['shutting down', refusal('57P01', 'FATAL'), 'UNAVAILABLE'],
  ['starting up', refusal('57P03', 'FATAL'), 'UNAVAILABLE'],
  ['deadlock', refusal('40P01'), 'UNAVAILABLE'],
  ['refused connection', Object.assign(new Error(''), { code: 'ECONNREFUSED' }), 'UNAVAILABLE'],
  ['lost connection', new Error('Connection terminated unexpectedly'), 'UNAVAILABLE'],
  ['a pool that is closed', new Error('Cannot use a pool after calling end'), 'UNAVAILABLE'],
  ['no connection in time', new Error('timeout exceeded when trying to connect'), 'UNAVAILABLE'],
  [
    'several addresses, all refused',
    new AggregateError([Object.assign(new Error(''), { code: 'ECONNREFUSED' })]),
    'UNAVAILABLE',
  ],
  ['a statement of ours is wrong', refusal('42601'), 'INTERNAL'],
])('%s', (_, error, code) => {
  expect(fromPostgresError(error)).toMatchObject({ code, cause: error })
})

test('what is a MailxError already stays as it is', () => {
  const error = new MailxError('NOT_FOUND', 'nobody')
  expect(fromPostgresError(error)).toBe(error)
})

test('only an answer of severity ERROR proves that nothing was committed', () => {
  expect(isRefusal(refusal('23505'))).toBe(true)
  expect(isRefusal(refusal('57P01', 'FATAL'))).toBe(false)
  expect(isRefusal(Object.assign(new Error(''), { code: 'ECONNRESET' }))).toBe(false)
})

test('a broken rule of the schema does not pass with time', () => {
  expect(isTransient(refusal('23505'))).toBe(false)
  expect(isTransient(new TypeError('x is not a function'))).toBe(false)
})
