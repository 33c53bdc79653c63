import { MailxError } from '@mailx/errors/mailx-error'
import { expect, test } from 'vitest'
import { metricTypes, seriesNames } from './metric-names.ts'
import {
  collectProcessMetrics,
  counter,
  gauge,
  histogram,
  metricsText,
  objective,
  redMetrics,
} from './metrics.ts'
import { errorType } from './tracer.ts'

const OPEN_METRICS = 'application/openmetrics-text;version=1.0.0,text/plain;q=0.5'

test('two services of one process share a metric and are told apart by a label', async () => {
  const name = 'mailx_gateway_submissions_total'
  const options = { name, help: 'Things.', labelNames: ['service'] } as const
  counter(options).inc({ service: 'gateway' })
  counter(options).inc({ service: 'storage' }, 2)
  const { text, contentType } = await metricsText()
  expect(contentType).toContain('text/plain')
  expect(text).toContain('mailx_gateway_submissions_total{service="gateway"} 1')
  expect(text).toContain('mailx_gateway_submissions_total{service="storage"} 2')
})

test('a gauge may be read when it is scraped', async () => {
  gauge({
    name: 'mailx_ready',
    help: 'Age.',
    collect() {
      this.set(42)
    },
  })
  expect((await metricsText()).text).toContain('mailx_ready 42')
})

test('a histogram left without buckets measures seconds', async () => {
  histogram({ name: 'mailx_gateway_notify_seconds', help: 'Wait.' }).observe(0.002)
  const { text } = await metricsText()
  expect(text).toContain('mailx_gateway_notify_seconds_bucket{le="0.001"} 0')
  expect(text).toContain('mailx_gateway_notify_seconds_bucket{le="0.0025"} 1')
})

test('rate, errors and duration of a piece of work are in one histogram', async () => {
  const name = 'mailx_discovery_duration_seconds'
  const measure = redMetrics(name, 'Look-ups.', ['service'], errorType)
  await measure({ service: 'directory' }, async () => 1)
  const failing = measure({ service: 'directory' }, async () => {
    throw new MailxError('DISCOVERY_FAILED', 'no answer')
  })
  await expect(failing).rejects.toThrow('no answer')
  const { text } = await metricsText()
  expect(text).toContain(`${name}_count{service="directory",outcome="ok"} 1`)
  expect(text).toContain(`${name}_count{service="directory",outcome="DISCOVERY_FAILED"} 1`)
})

test('a bucket of an objective names a recorded trace to whoever reads exemplars', async () => {
  const trace = '0af7651916cd43dd8448eb211c80319c'
  const name = 'mailx_submit_duration_seconds'
  const zeros = [{ outcome: 'ok' }, { outcome: 'late' }]
  const submit = objective({ name, help: 'Submissions.', labelNames: ['outcome'], zeros })
  submit.observe({ outcome: 'ok' }, 0.02, `00-${trace}-b7ad6b7169203331-01`)
  submit.observe({ outcome: 'ok' }, 0.2, `00-${trace}-b7ad6b7169203331-00`)
  submit.observe({ outcome: 'ok' }, 2, '')
  const { contentType, text } = await metricsText(OPEN_METRICS)
  expect(contentType).toContain('application/openmetrics-text')
  const lines = text.split('\n')
  expect(lines.filter((line) => line.includes(' # '))).toEqual([
    expect.stringContaining(
      `${name}_bucket{le="0.025",outcome="ok"} 1 # {trace_id="${trace}"} 0.02`,
    ),
  ])
  expect(lines).toContain(`${name}_count{outcome="late"} 0`)
  expect(lines).toContain('# TYPE mailx_gateway_submissions counter')
  expect(lines.at(-2)).toBe('# EOF')

  const plain = (await metricsText('text/plain')).text
  expect(plain).not.toMatch(/trace_id|EOF/)
  expect(plain).toContain(`${name}_bucket{le="0.025",outcome="ok"} 1\n`)
  expect(plain).toContain('# TYPE mailx_gateway_submissions_total counter\n')
})

test('process metrics are collected once, however often that is asked for', async () => {
  collectProcessMetrics('all-in-one')
  collectProcessMetrics('all-in-one')
  const { text } = await metricsText()
  expect(text).toContain('process_resident_memory_bytes{service="all-in-one"}')
  expect(text).toContain('mailx_gateway_submissions_total{service="storage"} 2')
})

test('names carry base units, and a histogram is selected by its parts', () => {
  for (const [name, type] of Object.entries(metricTypes)) {
    expect(name).toMatch(/^(mailx|rpc|nodejs|process)_[a-z0-9_]+$/)
    expect(name.endsWith('_total') || type !== 'counter').toBe(true)
    expect(name).not.toMatch(/_(ms|milliseconds|kb|mb|percent)(_|$)/)
  }
  expect(seriesNames()).toContain('mailx_submit_duration_seconds_bucket')
  expect(seriesNames()).not.toContain('mailx_submit_duration_seconds')
})
