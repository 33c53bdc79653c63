import { counter, gauge } from '@mailx/telemetry/metrics'

export const lagEvents = gauge({
  name: 'mailx_projection_lag_events',
  help: 'Events that are committed and that the processor has not dealt with',
  labelNames: ['projection', 'partition'] as const,
})

export const lagSeconds = gauge({
  name: 'mailx_projection_lag_seconds',
  help: 'Since when the processor has been behind: no event that waits for it is older; 0 at the head',
  labelNames: ['projection', 'partition'] as const,
})

export const parkedEvents = gauge({
  name: 'mailx_parked_events',
  help: 'Events that wait for an operator. Alarm above zero.',
  labelNames: ['projection'] as const,
})

export const processedEvents = counter({
  name: 'mailx_projection_events_total',
  help: 'Events that the processor has dealt with',
  labelNames: ['projection'] as const,
})

export const fallbackReads = counter({
  name: 'mailx_projection_fallback_reads_total',
  help: 'Pages read from Postgres because the bus did not bring them',
  labelNames: ['projection'] as const,
})

export const failedPages = counter({
  name: 'mailx_projection_failures_total',
  help: 'Attempts to apply events that failed',
  labelNames: ['projection'] as const,
})

export const stuckProcessors = gauge({
  name: 'mailx_projection_stuck',
  help: '1 when the processor stopped because the log contradicts itself',
  labelNames: ['projection', 'partition'] as const,
})
