import { runService } from '@mailx/runtime/run-service'
import { IdentityConfig } from './config.ts'
import { startIdentity } from './service.ts'

await runService({ name: 'identity', config: IdentityConfig, start: startIdentity })
