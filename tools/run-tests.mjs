// Runs vitest, passes arguments on, and ends with the line `N passed, N failed`. It fails when a
// test does, when none ran, and when the run itself breaks.
import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const dir = mkdtempSync(join(tmpdir(), 'mailx-summary-'))
const summary = join(dir, 'summary.json')
const reporters = [
  '--reporter=default',
  `--reporter=${join(import.meta.dirname, 'summary-reporter.mjs')}`,
]
const vitest = join(import.meta.dirname, '../node_modules/vitest/vitest.mjs')
const args = [vitest, 'run', ...reporters, ...process.argv.slice(2)]
const env = { ...process.env, MAILX_TEST_SUMMARY: summary }
const child = spawn(process.execPath, args, { env, stdio: 'inherit' })
process.on('SIGTERM', () => child.kill('SIGTERM'))
// A terminal's Ctrl-C reaches vitest by itself; a second one would keep it from stopping in order.
process.on('SIGINT', () => process.stdin.isTTY || child.kill('SIGINT'))

child.once('exit', (code, signal) => {
  const counts = existsSync(summary)
    ? JSON.parse(readFileSync(summary, 'utf8'))
    : { passed: 0, failed: 0, skipped: 0, flaky: [] }
  rmSync(dir, { recursive: true })
  const { passed, skipped } = counts
  let { failed } = counts
  if (failed === 0 && code !== 0) {
    console.log(`The run of the tests broke off (${signal ?? `exit code ${code}`}).`)
    failed = 1
  }
  if (passed + failed === 0) {
    console.log('No test ran.')
    failed = 1
  }
  for (const name of counts.flaky) console.log(`Passed only the second time: ${name}`)
  if (skipped > 0) console.log(`${skipped} skipped`)
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
})
