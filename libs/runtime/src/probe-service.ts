import { CommonConfig } from '@mailx/config/common'
import { noted } from '@mailx/config/variable'
import { MailxError } from '@mailx/errors/mailx-error'
import * as z from 'zod'
import { readinessOf } from './readiness.ts'
import { runService } from './run-service.ts'

// For tests: a service process that appends one event when it starts and misbehaves on demand.
const ProbeConfig = CommonConfig.extend({
  /** What it does wrong. */
  PROBE: noted(z.enum(['nothing', 'late', 'stray', 'warning', 'hang']), {
    write: 'nothing',
  }).default('nothing'),
})

let starts = 0

await runService({
  name: 'probe',
  config: ProbeConfig,
  start: async ({ config, log, logger, random }) => {
    starts += 1
    if (config.PROBE === 'late' && starts === 1) {
      throw new MailxError('UNAVAILABLE', 'identity cannot be reached')
    }
    const data = random(8)
    const event = { type: 'Probed', data }
    const stream = `probe/${data.join('.')}`
    const appended = await log.append({
      context: 'submission',
      key: stream,
      stream,
      expectedVersion: 0,
      events: [event],
    })
    logger.info({ position: appended.position }, 'appended')
    if (config.PROBE === 'warning') process.emitWarning('something is odd')
    if (config.PROBE === 'stray') setTimeout(() => void Promise.reject(new Error('stray')), 10)
    return {
      name: 'probe',
      addresses: {},
      ready: () => readinessOf([{ name: 'probe', ok: true }]),
      stop: () => (config.PROBE === 'hang' ? new Promise(() => {}) : Promise.resolve()),
    }
  },
})
