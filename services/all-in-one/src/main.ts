import { runOnce } from '@mailx/runtime/run-once'
import { runService } from '@mailx/runtime/run-service'
import { AllInOneConfig, PreparationConfig, WaitConfig } from './config.ts'
import { prepare } from './prepare.ts'
import { startAllInOne } from './service.ts'
import { findDatabase } from './wait.ts'

const [, , task, name = ''] = process.argv

// `prepare-database` does what needs the owner of the database, and ends; `wait-for-database <process>`
// ends when that process finds what it needs there.
if (task === 'prepare-database') {
  await runOnce({
    name: task,
    config: PreparationConfig,
    work: (config, logger) => prepare(config, (what) => logger.warn(what)),
  })
} else if (task === 'wait-for-database') {
  await runOnce({
    name: task,
    config: WaitConfig,
    work: (config, logger) => findDatabase(config, name, (what) => logger.warn(what)),
  })
} else {
  await runService({
    name: 'all-in-one',
    config: AllInOneConfig,
    together: true,
    start: startAllInOne,
  })
}
