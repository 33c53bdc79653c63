import { spawnSync } from 'node:child_process'
import { findProgram } from './packaged-program.ts'

// npm run helm: the Helm that renders in the tests, for people who have none on their PATH.
const { error, status } = spawnSync(findProgram('helm'), process.argv.slice(2), {
  stdio: 'inherit',
})
if (error !== undefined) throw error
process.exitCode = status ?? 1
