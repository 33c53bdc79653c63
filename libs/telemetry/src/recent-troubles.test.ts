import { MailxError } from '@mailx/errors/mailx-error'
import { expect, test } from 'vitest'
import { createLogger } from './logger.ts'
import { recentTroubles } from './recent-troubles.ts'

const logger = createLogger({ service: 'gateway', destination: { write: () => {} } })

test('the last warnings and errors are kept, counted by message and redacted like lines', () => {
  const err = new MailxError('UNAVAILABLE', 'no answer to alice@a.test', {
    cause: new Error('hunter2'),
  })
  logger.info('fine')
  logger.error({ err: new Error('before') }, 'delivery failed')
  logger.warn('not ready for bob@b.test')
  logger.child({ peer: 'b.test' }).error({ err, token: 'hunter2' }, 'delivery failed')
  expect(recentTroubles()).toEqual([
    {
      level: 'error',
      message: 'delivery failed',
      reason: expect.stringMatching(/^UNAVAILABLE: no answer to address:[0-9a-f]+$/),
      count: 2,
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
    },
    expect.objectContaining({
      level: 'warn',
      message: expect.stringMatching(/^not ready for address:[0-9a-f]+$/),
      reason: '',
      count: 1,
    }),
  ])
  expect(JSON.stringify(recentTroubles())).not.toMatch(/hunter2|alice|bob@/)
})

test('an error without a message of its own is told by what it says', () => {
  logger.error(new Error('it broke'))
  expect(recentTroubles()[0]).toMatchObject({ message: 'it broke', reason: '' })
})

test('without an error the fields tell the reason', () => {
  logger.warn({ wrong: [{ name: 'nats', detail: 'no answer' }], key: 'hunter2' }, 'not ready')
  const { reason } = recentTroubles()[0] ?? {}
  expect(reason).toBe('{"wrong":[{"name":"nats","detail":"no answer"}],"key":"[redacted]"}')
})

test('there are never more than fifty', () => {
  for (let number = 0; number < 60; number += 1) logger.warn(`trouble ${number}`)
  const messages = recentTroubles().map(({ message }) => message)
  expect(messages).toHaveLength(50)
  expect(messages[0]).toBe('trouble 59')
})
