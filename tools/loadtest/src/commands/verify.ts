import { MailxError } from '@mailx/errors/mailx-error'
import { homeOptions, type RawHomeOptions } from '../home-options.ts'
import { parseDuration } from '../parse-duration.ts'
import { progress } from '../progress.ts'
import { hasProblems, verdictSummary } from '../summary.ts'
import type { Finding } from '../verdict.ts'
import { type Verified, verifyJournal } from '../verify-journal.ts'
import { printable } from './run.ts'

export type VerifyFlags = RawHomeOptions & {
  readonly journal: string
  readonly settle: string
  readonly partial?: boolean
  readonly json?: boolean
  readonly quiet?: boolean
}

/**
 * `loadtest verify`. The exit code is 1 when anything is not as it must be. A journal that does not come
 * to its end proves nothing of what it would have held, unless `--partial` says that this is known.
 */
export async function verifyCommand(flags: VerifyFlags): Promise<void> {
  const settleMs = parseDuration(flags.settle)
  if (settleMs === undefined) {
    throw new MailxError(
      'INVALID_ARGUMENT',
      `--settle is "${flags.settle}": write a duration: 500ms, 30s, 2m or 1h`,
    )
  }
  const show = progress(process.stderr, flags.quiet ?? false)
  const verdict = await verifyJournal({
    journal: flags.journal,
    home: homeOptions(flags),
    settleMs,
    say: show.say,
    onProgress: show.count('read'),
  })
  show.say('')
  if (flags.json) process.stdout.write(`${JSON.stringify(printable(verdict))}\n`)
  else process.stdout.write(`${verdictSummary(verdict)}\n`)
  const isWhole = verdict.ended && verdict.tornBytes === 0
  if (flags.partial ? hasFailed(verdict) : hasProblems(verdict) || !isWhole) process.exitCode = 1
}

/** What a run left open when it broke off is no failure of the server. */
const leftOpen: readonly Finding[] = ['unresolved', 'unheard']

const hasFailed = ({ problems }: Verified): boolean =>
  problems.some(({ finding }) => !leftOpen.includes(finding))
