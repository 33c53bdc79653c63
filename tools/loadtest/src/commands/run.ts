import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import type { HomeOptions } from '@mailx/client/find-home'
import { homeOptions, type RawHomeOptions } from '../home-options.ts'
import { readKeyrings } from '../keyrings.ts'
import type { LoadResult } from '../load-result.ts'
import { metricsWatch, parseMetered } from '../metrics-watch.ts'
import { startOwnStack } from '../own-stack.ts'
import { type People, registerPeople, returningPeople } from '../people.ts'
import { ownUsage } from '../proc-watch.ts'
import type { Watch } from '../processes.ts'
import { type Progress, progress } from '../progress.ts'
import { htmlReport } from '../report/html-report.ts'
import { runLoad } from '../run-load.ts'
import { type RawRunOptions, type RunRequest, readRunOptions } from '../run-options.ts'
import { hasProblems, runSummary, verdictSummary } from '../summary.ts'
import { useSummary } from '../use-summary.ts'
import { type Verified, verifyJournal } from '../verify-journal.ts'

export type RunFlags = RawRunOptions &
  RawHomeOptions & {
    readonly journal?: string
    readonly keyrings?: string
    readonly json?: string
    readonly html?: string
    readonly profile?: string
    readonly metrics?: readonly string[]
    readonly verify?: boolean
    readonly quiet?: boolean
    readonly processes?: boolean
  }

/** Where the load goes. */
type Target = {
  readonly domains: readonly string[]
  readonly home: HomeOptions
  readonly watch: Watch
  /** Whoever looks for what went wrong finds the logs of the services still there. */
  readonly stop: (worked: boolean) => Promise<void>
}

/** `loadtest run`. The exit code is 1 when messages were lost, and 2 when the options are wrong. */
export async function runCommand(flags: RunFlags): Promise<void> {
  const read = readRunOptions(flags)
  if ('complaints' in read) {
    for (const complaint of read.complaints) process.stderr.write(`loadtest: ${complaint}\n`)
    process.exitCode = 2
    return
  }
  const { request } = read
  const show = progress(process.stderr, flags.quiet ?? false)
  const journal = resolve(
    flags.journal ?? join(await mkdtemp(join(tmpdir(), 'loadtest-')), 'journal'),
  )
  const target = await findTarget(flags, request, show)
  let people: People | undefined
  let worked = false
  try {
    people = await gather(flags, request, target, show)
    const result = await runLoad({
      people,
      plan: request.plan,
      journal,
      watch: target.watch,
      say: show.say,
      onInterval: show.interval,
      signal: interrupted(show),
    })
    show.say('')
    // Nobody else can look into the mailboxes of a stack that ends with this process.
    const verdict =
      (flags.verify ?? request.domains.length === 0)
        ? await verifyJournal({
            journal,
            home: target.home,
            people,
            settleMs: request.plan.drainMs,
            say: show.say,
            onProgress: show.count('read'),
          })
        : undefined
    await tell(flags, result, verdict)
    show.say(`journal ${journal}`)
    worked = process.exitCode === undefined
  } finally {
    people?.close()
    await target.stop(worked)
  }
}

async function findTarget(flags: RunFlags, request: RunRequest, show: Progress): Promise<Target> {
  const { domains, plan } = request
  if (domains.length > 0) {
    const watched = metricsWatch((flags.metrics ?? []).map(parseMetered))
    const watch = async () => ({ ...(await watched()), ...ownUsage() })
    return { domains, home: homeOptions(flags), watch, stop: async () => {} }
  }
  show.say(
    'no --target: starting a.test and b.test with Postgres, NATS and Redis on this machine, until the run is over',
  )
  const folder = await mkdtemp(join(tmpdir(), 'loadtest-stack-'))
  const { processes = false, profile } = flags
  const own = await startOwnStack({
    folder,
    say: show.say,
    separate: processes,
    ...(profile !== undefined && { profile: resolve(profile) }),
  })
  return {
    domains: plan.mode === 'local' ? own.domains.slice(0, 1) : own.domains,
    home: own.home,
    watch: own.watch,
    stop: async (worked) => {
      await own.stack.stop()
      if (worked) await rm(folder, { recursive: true, force: true })
      else show.say(`logs of the services are in ${join(folder, 'logs')}`)
    },
  }
}

async function gather(
  { keyrings }: RunFlags,
  { users, connections }: RunRequest,
  { domains, home }: Target,
  show: Progress,
): Promise<People> {
  if (keyrings !== undefined) {
    const options = { home, connections, onProgress: show.count('signed in') }
    return returningPeople(await readKeyrings(keyrings), options)
  }
  const prefix = `load-${Date.now().toString(36)}-`
  const onProgress = show.count('registered')
  return registerPeople(domains, { home, connections, users, prefix, onProgress })
}

async function tell(
  { json, html }: RunFlags,
  result: LoadResult,
  verdict: Verified | undefined,
): Promise<void> {
  const report = { ...result, ...(verdict && { verdict: printable(verdict) }) }
  if (json === '-') process.stdout.write(`${JSON.stringify(report)}\n`)
  else process.stdout.write(`${runSummary(result)}\n${useSummary(result)}\n`)
  if (json !== undefined && json !== '-') {
    await writeFile(json, `${JSON.stringify(report, null, 2)}\n`)
  }
  if (html !== undefined) await writeFile(html, htmlReport(result, verdict))
  if (verdict === undefined) {
    if (result.unresolved + result.unheard > 0) process.exitCode = 1
    return
  }
  if (json !== '-') process.stdout.write(`\n${verdictSummary(verdict)}\n`)
  if (hasProblems(verdict)) process.exitCode = 1
}

/** As JSON has it: ids in hexadecimal. */
export const printable = (verdict: Verified) => ({
  ...verdict,
  problems: verdict.problems.map((problem) => ({
    ...problem,
    id: Buffer.from(problem.id).toString('hex'),
  })),
})

/** Ctrl-C ends the sending; what was sent is still waited for. Twice ends at once. */
function interrupted(show: Progress): AbortSignal {
  const controller = new AbortController()
  process.once('SIGINT', () => {
    show.say('ending; again to end at once')
    controller.abort()
    process.once('SIGINT', () => process.exit(130))
  })
  return controller.signal
}
