import { runService } from '@mailx/runtime/run-service'
import { InboundFederationConfig } from './config.ts'
import { startInboundFederation } from './service.ts'

await runService({
  name: 'inbound-federation',
  config: InboundFederationConfig,
  start: startInboundFederation,
})
