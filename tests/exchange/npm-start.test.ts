import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { serviceNames } from '@mailx/dev-tool/deployment'
import { eventually } from '@mailx/testing/eventually'
import { Client } from 'pg'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { run, start, startCommand } from './programs.ts'

vi.setConfig({ testTimeout: 300_000, hookTimeout: 60_000 })

const root = join(import.meta.dirname, '..', '..')
// Below the root, where npx finds the project's programs, and beside what a person runs there.
let folder: string
beforeAll(async () => {
  const parent = join(root, '.cache', 'tests')
  await mkdir(parent, { recursive: true })
  folder = await mkdtemp(join(parent, 'npm-start-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const logDir = () => join(folder, '.cache', 'dev', 'logs')
const logs = async () => (await readdir(logDir()).catch((): string[] => [])).toSorted()
/** Of the processes of both domains, and of what prepared the databases. */
const logsOf = (processes: readonly string[]): string[] =>
  ['a', 'b']
    .flatMap((name) => [...processes, 'prepare-database'].map((one) => `${name}-${one}.log`))
    .toSorted()
/** The end of a log, under its name. */
const readLog = async (name: string) =>
  `${name}: ${(await readFile(join(logDir(), name), 'utf8')).slice(-3_000)}`

/** The whole exchange is shown, and after it the way of the message with all who had a part in it. */
function expectExchange(stdout: string): void {
  const from = '--account alice@a.test'
  const to = '--account bob@b.test'
  for (const command of [
    'mailx register alice@a.test --unprotected',
    'mailx register bob@b.test --unprotected',
    `mailx ${from} send --to bob@b.test --subject 'Meeting Tomorrow' --body 'Let'\\''s meet at 3pm.'`,
    `mailx ${to} watch --count 1`,
    `mailx ${to} inbox`,
    `mailx ${to} read `,
    `mailx ${from} status `,
  ]) {
    expect(stdout).toContain(`$ ${command}`)
  }
  expect(stdout).toMatch(/Subject +Meeting Tomorrow/)
  expect(stdout).toContain("Let's meet at 3pm.")
  expect(stdout).toMatch(/bob@b\.test +delivered/)

  const [, tree = ''] =
    /The way of message [0-9a-f-]{36}, trace [0-9a-f]{32}:\n\n([^]*)/.exec(stdout) ?? []
  for (const service of ['mailx-cli', ...serviceNames]) expect(tree).toContain(service)
  for (const step of ['mailx send', 'submit', 'push']) expect(tree).toContain(step)
}

test('it stays up, the README’s examples work against it as written, and Ctrl-C ends it', async () => {
  const up = start('npm start', [], { cwd: folder })
  const isUp = () => up.written.stdout.includes('Everything stays up')
  await eventually(() => isUp() || up.process.exitCode !== null, { timeoutMs: 180_000 }).catch(
    async (cause: unknown) => {
      const logged = await Promise.all((await logs()).map((name) => readLog(name)))
      const words = [up.written.stdout, up.written.stderr, ...logged].join('\n')
      throw new Error(`npm start does not come up; what it wrote:\n${words}`, { cause })
    },
  )
  expectExchange(up.written.stdout)

  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const [, examples = ''] = readme.match(/(?:^ {4}\S.*\n)+/gm) ?? []
  expect(examples).toContain('source .cache/dev/env')
  expect(examples.match(/npx mailx /g)?.length).toBeGreaterThan(5)
  const said = await startCommand(['bash', '-e', '-c', examples], { cwd: folder }).ended
  expect(said.exitCode, said.stderr).toBe(0)
  for (const shown of [
    /registered carol@b\.test/,
    /^Lunch\?$/m,
    /accepted/,
    /verified/,
    / 0 behind/,
  ]) {
    expect(said.stdout).toMatch(shown)
  }

  const [, trace = ''] = /^ {2}(npx mailxctl trace .*)$/m.exec(up.written.stdout) ?? []
  const shown = await startCommand(['bash', '-e', '-c', `source .cache/dev/env; ${trace}`], {
    cwd: folder,
  }).ended
  expect(shown.exitCode, shown.stderr).toBe(0)
  const steps = ['submitted', 'accepted', 'published', 'received', 'stored', 'notified']
  for (const step of [...steps, 'delivered', 'fetched', 'flagged']) {
    expect(shown.stdout).toMatch(new RegExp(`^  ${step} `, 'm'))
  }
  for (const row of ['log a.test +.*◆ MessageAccepted', 'log b.test +.*◆ MessageReceived']) {
    expect(shown.stdout).toMatch(new RegExp(`^${row}`, 'm'))
  }

  up.process.kill('SIGINT')
  expect((await up.ended).exitCode).toBe(0)
  const env = await readFile(join(folder, '.cache', 'dev', 'env'), 'utf8')
  const [, databaseUrl = ''] = /^export DATABASE_URL='(.*)'$/m.exec(env) ?? []
  const client = new Client({ connectionString: databaseUrl })
  await expect(client.connect()).rejects.toMatchObject({
    code: expect.stringMatching(/^(ECONNREFUSED|ENOENT)$/),
  })
})

test('--once shows the exchange and ends', async () => {
  const { exitCode, stderr, stdout } = await run('npm start', ['--once'], { cwd: folder })
  expect(exitCode, stderr).toBe(0)
  expectExchange(stdout)
  expect(await logs()).toEqual(logsOf(['all-in-one']))
})

test('--once --processes does the same with seven processes per domain', async () => {
  const args = ['--once', '--processes']
  const { exitCode, stderr, stdout } = await run('npm start', args, { cwd: folder })
  expect(exitCode, stderr).toBe(0)
  expectExchange(stdout)
  expect(await logs()).toEqual(logsOf(serviceNames))
})
