import { runOnce } from '@mailx/runtime/run-once'
import { runService } from '@mailx/runtime/run-service'
import { AllInOneConfig, PreparationConfig } from './config.ts'
import { prepare } from './prepare.ts'
import { startAllInOne } from './service.ts'

// `prepare-database` does what needs the owner of the database, and ends.
if (process.argv[2] === 'prepare-database') {
  await runOnce({ name: 'prepare-database', config: PreparationConfig, work: prepare })
} else {
  await runService({
    name: 'all-in-one',
    config: AllInOneConfig,
    together: true,
    start: startAllInOne,
  })
}
