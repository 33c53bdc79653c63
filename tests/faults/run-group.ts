import { cp, mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { People } from '@mailx/loadtest-tool/people'
import { seededRandom } from '@mailx/loadtest-tool/random'
import { runSummary, verdictSummary } from '@mailx/loadtest-tool/summary'
import type { Finding } from '@mailx/loadtest-tool/verdict'
import { verifyJournal } from '@mailx/loadtest-tool/verify-journal'
import { type Fault, type Group, PATIENCE_MS, type Success } from './fault.ts'
import { type Load, registerUsers, startLoad } from './load.ts'
import { loadNow } from './machine-load.ts'
import { reviveTheDead } from './processes.ts'
import { unexplained } from './refusals.ts'
import { domains, type Rig, startRig } from './rig.ts'
import { scheduleOf } from './schedule.ts'

export type RunPlan = {
  readonly seed: number
  /** Whether every fault comes as often as it should, and lasts as long. */
  readonly long: boolean
  /** Which faults of the group, each as often as `long` says. */
  readonly chosen: (fault: Fault) => boolean
  /** The checkout whose services run. Left out: this one. */
  readonly tree?: string
  /** How long each fault, and at the end all mail, has to come right. Default: PATIENCE_MS. */
  readonly patienceMs?: number
  readonly say: (line: string) => void
}

export type InjectedFault = {
  readonly name: string
  readonly recovery: Fault['recovery']
  readonly mayRefuse: boolean
  /** A `performance.now()`. */
  readonly began: number
  /** How many times something was broken. */
  readonly counts: number
  /** To the last of its successes; undefined when they did not come. */
  readonly recoveredMs: number | undefined
  /** The machine's, when it was over. */
  readonly load: number
  /** Why it could not be injected, or was not recovered from. */
  readonly problem?: string
}

export type GroupResult = {
  readonly group: Group
  readonly injected: readonly InjectedFault[]
  readonly accepted: number
  readonly refused: number
  readonly resent: number
  /** What was wrong with messages, by kind. */
  readonly findings: Readonly<Record<Finding, number>>
  /** What must not be: empty when everything held. */
  readonly problems: readonly string[]
  readonly seconds: number
}

const USERS = 48

/** Runs a stack under load, breaks it in all chosen ways, one after the other, and accounts for all mail. */
export async function runGroup(group: Group, plan: RunPlan): Promise<GroupResult> {
  const { say, seed, patienceMs = PATIENCE_MS } = plan
  const began = performance.now()
  const rig = await startRig(group.rig, { tree: plan.tree })
  let failed = true
  let people: People | undefined
  let load: Load | undefined
  // What went wrong before is what has to be told; the rest is said.
  const saying = (error: unknown) => say(`${group.name}: ${String(error)}`)
  try {
    people = await registerUsers(rig, USERS)
    const { perSecond } = group
    load = await startLoad(rig, people, {
      name: 'load',
      perSecond,
      seed,
      drainMs: patienceMs,
    })
    say(`${group.name}: the stack runs after ${secondsSince(began)} s`)
    const injected = await injectAll(rig, group, load, plan)
    const result = await load.stop()
    say(`${group.name}: ${runSummary(result).replaceAll('\n', '\n  ')}`)
    const { journal } = load
    const verdict = await verifyJournal({
      journal,
      home: rig.home,
      people,
      settleMs: patienceMs,
    })
    const { counts, accepted, bounced, copies, delivered } = verdict
    say(`${group.name}: ${copies} copies, ${delivered} delivered, ${bounced} bounced`)
    const problems = [
      ...injected.flatMap(({ name, problem }) => (problem ? [`${name}: ${problem}`] : [])),
      ...(verdict.problems.length > 0 || !verdict.ended ? [verdictSummary(verdict)] : []),
      ...Object.entries(unexplained(load.watch.refusals, injected)).map(
        ([code, count]) => `${count} messages refused: ${code}`,
      ),
    ]
    failed = problems.length > 0
    const { refused, resent } = result
    const seconds = secondsSince(began)
    return { group, injected, accepted, refused, resent, findings: counts, problems, seconds }
  } finally {
    // Left alone, it would go on trying beside the next group.
    if (failed) await load?.stop().catch(saying)
    people?.close()
    if (failed) {
      await keepTraces(rig, group, say)
      await rig.stop().catch(saying)
    } else await rig.stop()
  }
}

/** Which messages are where when a fault comes is random, too. */
const BETWEEN_MS = [100, 1_200] as const

const secondsSince = (began: number): number => Math.round((performance.now() - began) / 100) / 10

async function injectAll(
  rig: Rig,
  group: Group,
  { watch, died, first }: Load,
  { chosen, long, say, seed, patienceMs = PATIENCE_MS }: RunPlan,
): Promise<readonly InjectedFault[]> {
  const injected: InjectedFault[] = []
  for (const { fault, seed: own } of scheduleOf(group, { chosen, long, seed })) {
    const { name, recovery, mayRefuse = false, success = everywhere } = fault
    const random = seededRandom(own)
    await Promise.race([delay(random.int(...BETWEEN_MS)), died])
    const began = performance.now()
    let counts = 0
    let recoveredMs: number | undefined
    let problem: string | undefined
    try {
      const { promise: breaking, resolve: broken, reject } = Promise.withResolvers<number>()
      const injecting = fault.inject({ rig, random, long, broken })
      injecting.then((done) => broken(done.since), reject)
      const trying = breaking.then((at) =>
        Promise.race([Promise.all(success.map((one) => first(one, at, patienceMs))), died]),
      )
      await Promise.allSettled([injecting, trying])
      const { since, counts: injections = 1 } = await injecting
      counts = injections
      const times = await trying
      const missing = success.filter((_, index) => times[index] === undefined)
      if (missing.length > 0) problem = `no success after ${patienceMs} ms: ${toText(missing)}`
      else recoveredMs = Math.round(Math.max(...times.map((at) => at ?? 0)) - since)
    } catch (error) {
      problem = error instanceof Error ? (error.stack ?? error.message) : String(error)
    }
    const dead = await reviveTheDead(rig)
    if (dead.length > 0) problem ??= `ended by themselves: ${dead.join(', ')}`
    const load = loadNow()
    const what = { name, recovery, mayRefuse, began, counts, recoveredMs, load }
    injected.push({ ...what, ...(problem && { problem }) })
    say(`  ${name}: ${problem ?? `${recoveredMs} ms`} (${watch.accepted()} accepted)`)
  }
  return injected
}

const everywhere: readonly Success[] = domains.flatMap((domain) => [
  { kind: 'accepted', domain },
  { kind: 'notified', domain, from: 'here' },
  { kind: 'notified', domain, from: 'elsewhere' },
])

const toText = (successes: readonly Success[]): string =>
  successes
    .map((one) =>
      one.kind === 'notified' ? `${one.from} → ${one.domain}` : `${one.kind} at ${one.domain}`,
    )
    .join(', ')

/** What is needed to find out why. */
async function keepTraces(rig: Rig, { name }: Group, say: RunPlan['say']): Promise<void> {
  const kept = join(process.cwd(), '.cache', 'faults', name.replaceAll(' ', '-'))
  await rm(kept, { recursive: true, force: true })
  await mkdir(kept, { recursive: true })
  await cp(rig.stack.logDir, join(kept, 'logs'), { recursive: true })
  await cp(join(rig.folder, 'load.journal'), join(kept, 'load.journal')).catch(() => {})
  say(`${name}: its logs and its journal are in ${kept}`)
}
