import { MailxError } from '@mailx/errors/mailx-error'
import { expect, test } from 'vitest'
import {
  collectProcessMetrics,
  counter,
  gauge,
  histogram,
  metricsText,
  redMetrics,
} from './metrics.ts'
import { errorType } from './tracer.ts'

test('two services of one process share a metric and are told apart by a label', async () => {
  const options = { name: 'mailx_things_total', help: 'Things.', labelNames: ['service'] as const }
  counter(options).inc({ service: 'gateway' })
  counter(options).inc({ service: 'storage' }, 2)
  const { text, contentType } = await metricsText()
  expect(contentType).toContain('text/plain')
  expect(text).toContain('mailx_things_total{service="gateway"} 1')
  expect(text).toContain('mailx_things_total{service="storage"} 2')
})

test('a gauge may be read when it is scraped', async () => {
  gauge({
    name: 'mailx_age_seconds',
    help: 'Age.',
    collect() {
      this.set(42)
    },
  })
  expect((await metricsText()).text).toContain('mailx_age_seconds 42')
})

test('a histogram left without buckets measures seconds', async () => {
  histogram({ name: 'mailx_wait_seconds', help: 'Wait.' }).observe(0.002)
  const { text } = await metricsText()
  expect(text).toContain('mailx_wait_seconds_bucket{le="0.001"} 0')
  expect(text).toContain('mailx_wait_seconds_bucket{le="0.0025"} 1')
})

test('rate, errors and duration of a piece of work are in one histogram', async () => {
  const measure = redMetrics('mailx_discovery', 'Look-ups.', ['service'], errorType)
  await measure({ service: 'directory' }, async () => 1)
  const failing = measure({ service: 'directory' }, async () => {
    throw new MailxError('DISCOVERY_FAILED', 'no answer')
  })
  await expect(failing).rejects.toThrow('no answer')
  const { text } = await metricsText()
  expect(text).toContain(
    'mailx_discovery_duration_seconds_count{service="directory",outcome="ok"} 1',
  )
  expect(text).toContain(
    'mailx_discovery_duration_seconds_count{service="directory",outcome="DISCOVERY_FAILED"} 1',
  )
})

test('process metrics are collected once, however often that is asked for', async () => {
  collectProcessMetrics('all-in-one')
  collectProcessMetrics('all-in-one')
  const { text } = await metricsText()
  expect(text).toContain('process_resident_memory_bytes{service="all-in-one"}')
  expect(text).toContain('mailx_things_total{service="storage"} 2')
})
