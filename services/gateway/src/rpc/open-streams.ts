import { gauge } from '@mailx/telemetry/metrics'

export const openStreams = gauge({
  name: 'mailx_gateway_open_streams',
  help: 'Client streams that are open now, by kind.',
  labelNames: ['kind'],
})
