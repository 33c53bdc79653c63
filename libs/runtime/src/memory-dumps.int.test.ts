import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLogger } from '@mailx/telemetry/logger'
import { eventually } from '@mailx/testing/eventually'
import { afterEach, expect, test } from 'vitest'
import { emptyCoreDumps } from './memory-dumps.ts'

// Nobody listens there, and there is no certificate: the program waits, alive, for what it needs.
const nowhere = '127.0.0.1:1'
const stops: (() => unknown)[] = []
afterEach(() => {
  for (const stop of stops.splice(0)) stop()
})

/** As it is in production, where core dumps are off. */
function start(words: readonly string[] = []) {
  const program = fileURLToPath(new URL('./probe-service.ts', import.meta.url))
  const command = [process.execPath, ...words, program]
  const child = spawn('/bin/sh', ['-c', 'ulimit -c 0 && exec "$@"', 'sh', ...command], {
    env: {
      PATH: process.env['PATH'],
      DATABASE_URL: `postgres://nobody@${nowhere}/none`,
      NATS_URL: `nats://${nowhere}`,
      REDIS_URL: `redis://${nowhere}`,
      BUS_KEY: Buffer.alloc(32, 7).toString('base64'),
      GRPC_CA_FILE: '/gone',
      GRPC_CERT_FILE: '/gone',
      GRPC_KEY_FILE: '/gone',
    },
  })
  stops.push(() => child.kill('SIGKILL'))
  let said = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (piece: Buffer) => {
      said += piece.toString()
    })
  }
  const started = () =>
    eventually(() => said.includes('is starting'), { timeoutMs: 60_000, everyMs: 100 })
  return { child, said: () => said, started }
}

test.runIf(process.platform === 'linux')(
  'a core dump of a service would hold no memory, and where there is none nothing is said',
  async () => {
    const { child, said, started } = start()
    await started()
    expect(await readFile(`/proc/${child.pid}/coredump_filter`, 'utf8')).toMatch(/^0+\n$/)
    expect(said()).not.toContain('core dumps of this process')
  },
  90_000,
)

test.each([
  ['512', true, 1],
  ['unlimited', true, 1],
  ['unlimited', false, 0],
  ['0', true, 0],
])('a limit of %s, in production: %s, is warned of %d times', async (limit, production, times) => {
  const self = await mkdtemp(join(tmpdir(), 'mailx-self-'))
  const heading = 'Limit                     Soft Limit           Hard Limit           Units'
  const row = `Max core file size        ${limit.padEnd(20)} unlimited            bytes`
  await writeFile(join(self, 'limits'), `${heading}\n${row}\n`)
  const lines: string[] = []
  const destination = { write: (line: string) => void lines.push(line) }
  emptyCoreDumps(createLogger({ service: 'test', destination }), production, self)
  expect(lines.filter((line) => line.includes('core dumps of this process'))).toHaveLength(times)
  expect(await readFile(join(self, 'coredump_filter'), 'utf8')).toBe('0')
  await rm(self, { recursive: true })
})

test('a switch that writes memory out ends it before it does anything', async () => {
  const { child, said } = start(['--heapsnapshot-signal=SIGUSR2'])
  const [code] = (await once(child, 'close')) as [number | null]
  expect(code).toBe(1)
  expect(said()).toMatch(/^probe cannot start: in production nothing may write out .*=SIGUSR2\n$/)
}, 90_000)

test('the signal that opens the debugger opens none', async () => {
  const { child, said, started } = start(['--disable-sigusr1'])
  await started()
  child.kill('SIGUSR1')
  child.kill('SIGTERM')
  await once(child, 'close')
  expect(said()).toContain('has stopped')
  expect(said()).not.toContain('Debugger listening')
}, 90_000)
