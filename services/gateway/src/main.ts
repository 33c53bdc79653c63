import { runService } from '@mailx/runtime/run-service'
import { GatewayConfig } from './config.ts'
import { startGateway } from './service.ts'

await runService({ name: 'gateway', config: GatewayConfig, start: startGateway })
