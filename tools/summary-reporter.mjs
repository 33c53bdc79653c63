// A vitest reporter that counts, for tools/run-tests.mjs: into the file named by MAILX_TEST_SUMMARY.
import { writeFileSync } from 'node:fs'

/** vitest wants a default export that it can call with `new`. */
// oxlint-disable-next-line import/no-default-export
export default function SummaryReporter() {
  return { onTestRunEnd }
}

function onTestRunEnd(modules, unhandledErrors) {
  const counts = { passed: 0, failed: unhandledErrors.length, skipped: 0, flaky: [] }
  for (const module of modules) {
    // A file that could not be loaded has errors, but no tests.
    counts.failed += module.errors().length
    for (const suite of module.children.allSuites()) counts.failed += suite.errors().length
    for (const test of module.children.allTests()) {
      const { state } = test.result()
      counts[state === 'passed' || state === 'skipped' ? state : 'failed'] += 1
      if (test.diagnostic()?.flaky) counts.flaky.push(test.fullName)
    }
  }
  writeFileSync(process.env.MAILX_TEST_SUMMARY, JSON.stringify(counts))
}
