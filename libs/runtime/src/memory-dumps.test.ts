import { expect, test } from 'vitest'
import { refuseMemoryDumps } from './memory-dumps.ts'

const start = (word: string, NODE_OPTIONS = '', production = true) =>
  refuseMemoryDumps({ execArgv: ['--max-semi-space-size=8', word], NODE_OPTIONS, production })

test.each([
  '--abort-on-uncaught-exception',
  '--abort_on_uncaught_exception',
  '--heapsnapshot-signal=SIGUSR2',
  '--heapsnapshot-near-heap-limit=1',
  '--report-on-signal',
  '--report-on-fatalerror',
  '--report-uncaught-exception',
  '--inspect',
  '--inspect=0.0.0.0:9229',
  '--inspect-brk',
])('%s is refused in production, wherever it comes from', (word) => {
  const refusal = expect.objectContaining({
    code: 'UNSAFE_CONFIGURATION',
    message: expect.stringContaining(word) as string,
  }) as Error
  expect(() => start(word)).toThrow(refusal)
  expect(() => start('--enable-source-maps', `--trace-warnings ${word}`)).toThrow(refusal)
  expect(() => start(word, word, false)).not.toThrow()
})

test.each(['--enable-source-maps', '--cpu-prof', '--disable-sigusr1', '--report-dir=/tmp'])(
  '%s is nobody’s business',
  (word) => {
    expect(() => start(word, word)).not.toThrow()
  },
)
