import { createLogger } from '@mailx/telemetry/logger'
import { expect, test } from 'vitest'
import { announceGaps } from './announce-gaps.ts'

const logger = createLogger({ service: 'storage', level: 'error' })

test('after NATS was lost and is back, whoever listens is told to list', async () => {
  const published: unknown[] = []
  const over = Promise.withResolvers<void>()
  announceGaps({
    nats: {
      async *status() {
        yield { type: 'disconnect', server: '' } as const
        yield { type: 'reconnect', server: '' } as const
        over.resolve()
      },
    },
    publish: (changes) => published.push(...changes),
    logger,
  })
  await over.promise
  expect(published).toEqual([{ mailbox: '', traceparent: '' }])
})
