import { runService } from '@mailx/runtime/run-service'
import { TransparencyConfig } from './config.ts'
import { startTransparency } from './service.ts'

await runService({ name: 'transparency', config: TransparencyConfig, start: startTransparency })
