import { runService } from '@mailx/runtime/run-service'
import { StorageConfig } from './config.ts'
import { startStorage } from './service.ts'

await runService({ name: 'storage', config: StorageConfig, start: startStorage })
