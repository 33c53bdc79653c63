import { runService } from '@mailx/runtime/run-service'
import { DirectoryConfig } from './config.ts'
import { startDirectory } from './service.ts'

await runService({ name: 'directory', config: DirectoryConfig, start: startDirectory })
