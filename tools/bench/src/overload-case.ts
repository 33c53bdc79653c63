import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MailxError } from '@mailx/errors/mailx-error'
import { defaultPlan, type LoadPlan } from '@mailx/loadtest-tool/load-plan'
import type { LoadResult } from '@mailx/loadtest-tool/load-result'
import { intervalLine } from '@mailx/loadtest-tool/progress'
import { runLoad } from '@mailx/loadtest-tool/run-load'
import { peakRss } from '@mailx/loadtest-tool/use-summary'
import { type Verified, verifyJournal } from '@mailx/loadtest-tool/verify-journal'
import type { BenchCase } from './bench-case.ts'
import { type Figure, higher, lower } from './figures.ts'
import { inOwnLab, type Lab, peopleOf } from './lab.ts'
import { atMost, atRate, measureLoad } from './measure-load.ts'
import { warmUp } from './warm-up.ts'

const TIMES = 4
const SECONDS = 8
/** On a fast machine it is shorter: the messages must fit into the load generator, open calls most of all. */
const MOST = { streams: 80_000, calls: 20_000 }
const UNDECIDED_MIB = 4
const PATIENCE_MS = 300_000
const GATEWAY = 'a all-in-one'

/**
 * Several times as much as the machine takes, whatever becomes of it: senders are held back, a stream by
 * its window and a call by RESOURCE_EXHAUSTED, the services' memory has a bound, and when the load is
 * over everything that was accepted is in its mailbox.
 */
export const overloadCase: BenchCase = {
  title: `local, up to ${SECONDS} s at ${TIMES} times what it takes, with ${UNDECIDED_MIB} MiB for what is undecided, by streams and by calls; then verified`,
  standard: false,
  run: ({ say }) =>
    inOwnLab('overload', { say, env: { UNDECIDED_MIB: `${UNDECIDED_MIB}` } }, async (lab) => {
      await warmUp(lab)
      const most = (await measureLoad(lab, atMost(15_000))).measured.notifiedPerSecond
      const rate = TIMES * most
      const steps = (messages: number) => atRate(0, [rate, Math.min(SECONDS, messages / rate)])
      const streams = await overload(lab, 'streams', steps(MOST.streams))
      const calls = await overload(lab, 'calls', { submit: 'unary', ...steps(MOST.calls) })
      if ((calls.result.troubles['RESOURCE_EXHAUSTED'] ?? 0) === 0) {
        throw new MailxError('INTERNAL', 'no call was told to come back: the load was none')
      }
      return {
        figures: { offered: higher(rate, '/s'), ...streams.figures, ...calls.figures },
        details: { streams: streams.details, calls: calls.details },
      }
    }),
}

/** Rejects when anything is lost, duplicated, reordered, corrupt or unresolved. */
async function overload(lab: Lab, name: string, load: Partial<LoadPlan>) {
  const { home, say } = lab
  const { everybody, close } = peopleOf(lab, lab.domains[0] ?? '')
  // A journal knows its users by their places among those of its run.
  const people = { everybody: everybody.map((person, user) => ({ ...person, user })), close }
  const folder = await mkdtemp(join(tmpdir(), 'bench-overload-'))
  const journal = join(folder, 'journal')
  await lab.ready()
  const before = (await lab.watch())[GATEWAY]?.rssBytes ?? 0
  const result = await runLoad({
    people,
    plan: { ...defaultPlan, answerWithinMs: 60_000, drainMs: PATIENCE_MS, ...load },
    journal,
    watch: lab.watch,
    say,
    onInterval: (interval) => say(`    ${intervalLine(interval)}`),
  })
  const verdict = await verifyJournal({ journal, home, people, settleMs: PATIENCE_MS, say })
  if (verdict.problems.length > 0) {
    throw new MailxError(
      'INTERNAL',
      `by ${name}: ${JSON.stringify(verdict.counts)}; the journal is ${journal}`,
    )
  }
  await rm(folder, { recursive: true })
  return {
    result,
    figures: figuresOf(name, result, verdict, before / 2 ** 20),
    details: { ...result, intervals: undefined, peakRssMiB: peakRss(result.intervals) },
  }
}

function figuresOf(
  name: string,
  { copies, intervals, measured, troubles }: LoadResult,
  verdict: Verified,
  rssBefore: number,
): Record<string, Figure> {
  const peak = peakRss(intervals)[GATEWAY] ?? 0
  const queue = Math.max(...intervals.map(({ backlog }) => backlog))
  return {
    [`accepted, ${name}`]: higher(measured.acceptedPerSecond, '/s'),
    [`longest queue at the senders, ${name}`]: lower(queue, 'msgs'),
    [`told to come back, ${name}`]: lower(troubles['RESOURCE_EXHAUSTED'] ?? 0, 'times'),
    [`RSS before, ${name}`]: lower(rssBefore, 'MiB'),
    [`RSS peak, ${name}`]: lower(peak, 'MiB'),
    [`lost, ${name}`]: lower(copies - verdict.delivered, 'copies', 0),
  }
}
