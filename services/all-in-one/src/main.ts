import { runService } from '@mailx/runtime/run-service'
import { AllInOneConfig } from './config.ts'
import { startAllInOne } from './service.ts'

await runService({
  name: 'all-in-one',
  config: AllInOneConfig,
  together: true,
  start: startAllInOne,
})
