import { runService } from '@mailx/runtime/run-service'
import { OutboundConfig } from './config.ts'
import { startOutboundFederation } from './service.ts'

await runService({
  name: 'outbound-federation',
  config: OutboundConfig,
  start: startOutboundFederation,
})
