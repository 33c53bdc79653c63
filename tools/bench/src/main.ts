import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { MailxError } from '@mailx/errors/mailx-error'
import { Command } from 'commander'
import { cases, listed } from './bench-cases.ts'
import { comparison } from './comparison.ts'
import { describeMachine } from './describe-machine.ts'
import { growthCases } from './growth-cases.ts'
import { openLab } from './lab.ts'
import { withTables } from './readme-tables.ts'
import { Report, withCases } from './report.ts'
import { cpuTable, figureTable } from './tables.ts'
import { warmUp } from './warm-up.ts'

const root = join(import.meta.dirname, '../../..')
type Flags = {
  readonly only?: readonly string[]
  readonly growth?: boolean
  readonly compare?: string
  readonly out?: string
  readonly add?: string
  readonly profile?: string
  readonly minutes: string
  readonly traces: string
  readonly readme?: string
}

const say = (line: string) => process.stderr.write(`${line}\n`)

await new Command('npm run bench --')
  .description(
    'Measures a stack of its own on this machine: client, both domains, Postgres with fsync, NATS and Redis together.',
  )
  .option('--only <case...>', 'these cases instead of the standard set')
  .option('--growth', 'the standard set and what must not grow: log-length, users and partitions')
  .option('--compare <file>', 'show how the figures changed since an earlier result')
  .option(
    '--out <file>',
    'where the result goes (default: bench/results/<date>.json; with --only nowhere)',
  )
  .option('--add <file>', 'put the cases into this earlier result, beside those that it has')
  .option('--minutes <count>', 'how long the case memory measures', '10')
  .option('--traces <percent>', 'let services trace so many percent of the messages', '0')
  .option('--readme <file>', "measure nothing: put a result's tables into README.md")
  .option('--profile <folder>', "CPU profiles of the services, for Chromium's developer tools")
  .showHelpAfterError()
  .addHelpText(
    'after',
    `
Cases (* only when asked for):
${listed}

Examples:
  npm run bench
  npm run bench -- --only local-max federated-max --compare bench/results/2026-01-31.json
  npm run bench -- --only memory --minutes 10 --add bench/results/2026-01-31.json
  npm run bench -- --only local-max federated-max --traces 10
  npm run bench -- --readme bench/results/2026-01-31.json`,
  )
  .action((flags: Flags) => bench(flags).catch(fail))
  .parseAsync()
// Left to end by itself, it waits now and then for ever for V8's compiler (nodejs/node#54918).
process.exit()

async function bench(flags: Flags): Promise<void> {
  if (flags.readme !== undefined) return updateReadme(await readReport(flags.readme))
  const names = chosen(flags)
  const minutes = Number(flags.minutes)
  if (!Number.isInteger(minutes) || minutes < 1 || minutes > 600) {
    throw invalid(`--minutes is "${flags.minutes}": write a whole number from 1 to 600`)
  }
  const traces = Number(flags.traces) / 100
  if (!(traces >= 0 && traces <= 1)) {
    throw invalid(`--traces is "${flags.traces}": write percent, from 0 to 100`)
  }
  const before = flags.compare === undefined ? undefined : await readReport(flags.compare)
  const earlier = flags.add === undefined ? undefined : await readReport(flags.add)
  const began = Date.now()
  const lab = await openLab({
    folder: '.cache/bench',
    say,
    traces,
    ...(flags.profile && { profile: resolve(flags.profile) }),
  })
  process.once('SIGINT', () => void lab.close().then(() => process.exit(130)))
  try {
    const description = await describeMachine(lab)
    await warmUp(lab)
    const results: Report['results'] = {}
    const failures: string[] = []
    for (const name of names) {
      const one = cases[name]
      if (one === undefined) continue
      say(`${name}: ${one.title}`)
      try {
        results[name] = { title: one.title, ...(await one.run(lab, { minutes })) }
      } catch (error) {
        failures.push(`${name}: ${error instanceof Error ? error.message : String(error)}`)
        say(`  failed: ${failures.at(-1)}`)
      }
    }
    const date = new Date().toISOString()
    const own: Report = { mailxBench: 1, date, ...description, results }
    const report = earlier === undefined ? own : withCases(earlier, own)
    const standard = join(root, 'bench/results', `${date.slice(0, 10)}.json`)
    const file = flags.out ?? flags.add ?? (flags.only === undefined ? standard : undefined)
    if (file !== undefined) {
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, `${JSON.stringify(report, null, 2)}\n`)
    }
    process.stdout.write(`${figureTable(report)}\n\n${cpuTable(report)}\n`)
    if (before !== undefined) process.stdout.write(`\n${comparison(before, report)}\n`)
    const seconds = Math.round((Date.now() - began) / 1000)
    say(`${seconds} s; the result is ${file === undefined ? 'not kept (--out)' : `in ${file}`}`)
    if (failures.length > 0) {
      say(`failed:\n  ${failures.join('\n  ')}`)
      process.exitCode = 1
    }
  } finally {
    await lab.close()
  }
}

function fail(error: unknown): void {
  const isWrong = error instanceof MailxError && error.code === 'INVALID_ARGUMENT'
  say(error instanceof MailxError ? error.message : String(error))
  process.exitCode = isWrong ? 2 : 1
}

function chosen({ only, growth = false }: Flags): string[] {
  if (only === undefined) {
    const more = growth ? Object.keys(growthCases) : []
    return Object.keys(cases).filter((name) => cases[name]?.standard || more.includes(name))
  }
  const unknown = only.filter((name) => !Object.hasOwn(cases, name))
  if (unknown.length === 0) return [...only]
  throw invalid(`--only names ${unknown.join(', ')}: write one of\n${listed}`)
}

function invalid(message: string): MailxError {
  return new MailxError('INVALID_ARGUMENT', message)
}

async function updateReadme(report: Report): Promise<void> {
  const path = join(root, 'README.md')
  await writeFile(path, withTables(await readFile(path, 'utf8'), report))
}

async function readReport(path: string): Promise<Report> {
  const text = await readFile(path, 'utf8').catch((error: Error) => {
    throw new MailxError('NOT_FOUND', `cannot read the result ${path}: ${error.message}`)
  })
  const report = Report.safeParse(JSON.parse(text))
  if (report.success) return report.data
  throw new MailxError('INVALID_ARGUMENT', `${path} is no result of this program`)
}
