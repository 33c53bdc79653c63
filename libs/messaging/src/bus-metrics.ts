import { counter } from '@mailx/telemetry/metrics'

export const publishedBatches = counter({
  name: 'mailx_bus_published_batches_total',
  help: 'Batches that JetStream acknowledged',
  labelNames: ['context'] as const,
})

export const publishFailures = counter({
  name: 'mailx_bus_publish_failures_total',
  help: 'Batches that JetStream did not acknowledge; the relay publishes them again',
  labelNames: ['context'] as const,
})

export const republishedEvents = counter({
  name: 'mailx_bus_republished_events_total',
  help: 'Events that the relay had to read back from Postgres to publish them',
  labelNames: ['context'] as const,
})

export const refusedBatches = counter({
  name: 'mailx_bus_refused_batches_total',
  help: 'Messages on the bus that did not come from a holder of the bus key. Should never move.',
  labelNames: ['context'] as const,
})

export const consumerRestarts = counter({
  name: 'mailx_bus_consumer_restarts_total',
  help: 'How often a consumer or its stream had to be made anew',
  labelNames: ['context'] as const,
})
