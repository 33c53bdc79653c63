import { type Absent, nobodyAbsent } from './absent.ts'
import { arrivals, lengthOf } from './arrivals.ts'
import { bodies } from './bodies.ts'
import { type Circle, circles } from './circles.ts'
import { dispatchAt, dispatchMax } from './dispatch.ts'
import { inParallel } from './in-parallel.ts'
import { intervalClock } from './interval-clock.ts'
import { createJournal, type Journal, noJournal } from './journal.ts'
import type { JournalRecord } from './journal-record.ts'
import { keepKeys } from './keep-keys.ts'
import { keyringsOf, writeKeyrings } from './keyrings.ts'
import { lateness } from './lateness.ts'
import { listen } from './listen.ts'
import type { LoadPlan } from './load-plan.ts'
import type { LoadResult } from './load-result.ts'
import { learnKeys, type Maker, messageMaker } from './make-messages.ts'
import type { Message } from './message.ts'
import type { Interval } from './meter.ts'
import { openLanes } from './open-lanes.ts'
import { codeOf } from './passing.ts'
import type { People, Person } from './people.ts'
import { machineTicks } from './proc-watch.ts'
import { cpuPerMessage, type Usages, type Watch, watchNothing } from './processes.ts'
import { seededRandom } from './random.ts'
import { tracker } from './tracker.ts'

export type RunOptions = {
  readonly people: People
  readonly plan: LoadPlan
  /** Who writes to whom. Left out: as the plan's mode says. */
  readonly writing?: readonly Circle<Person>[]
  /** To whom it is written in vain. Left out: to nobody. */
  readonly absent?: Absent
  /** Where the journal goes; the users' keyrings are written beside it. Without it there is none. */
  readonly journal?: string | undefined
  readonly watch?: Watch
  readonly say?: (line: string) => void
  readonly onInterval?: (interval: Interval) => void
  /** Hears every record of the journal when it is made. */
  readonly onRecord?: (record: JournalRecord) => void
  /** Ends the sending; what was sent is still waited for. */
  readonly signal?: AbortSignal
}

/** In max mode so many messages in a row are of one sender, and travel in one frame. */
const IN_A_ROW = 32
const MAX_FRAME = 200

/**
 * Runs a load and resolves with what it found, also when messages were refused or nobody heard of
 * them: that is in the result. Rejects when the load cannot begin, or the journal cannot be written.
 *
 * 1. Learn keys, subscribe all recipients, open all streams, seal what is sealed ahead. Keys that grow
 *    old meanwhile are looked up again beside the run.
 * 2. Send by the plan. Whatever is not decided is handed over again until it is.
 * 3. Wait for answers and notifications, `drainMs` at most.
 */
export async function runLoad(options: RunOptions): Promise<LoadResult> {
  const { people, plan, watch = watchNothing } = options
  const runId = Date.now().toString(36)
  const startedAt = new Date().toISOString()
  const writing = options.writing ?? circles(people.everybody, plan.mode, plan.recipients.max)
  const recipients = [...new Set(writing.flatMap(({ others }) => others))]
  const journal = heardBy(options.onRecord, await openJournal(options, runId, startedAt))
  const stop = new AbortController()
  let began = performance.now()
  const now = () => performance.now() - began
  const track = tracker({ journal, now, measureFrom: plan.warmupMs })
  const lanes = openLanes(writing, plan, MAX_FRAME, track.events)
  try {
    await learnKeys(writing)
    const maker = await makerOf(options, runId, writing)
    await inParallel(16, recipients, async (person) => {
      const { cursor } = await listen(person, {
        signal: stop.signal,
        onEntry: (messageId) => track.heard(person, messageId),
        onTrouble: track.trouble,
      })
      journal.add({ kind: 'mailbox', user: person.user, cursor })
    })
    journal.write()

    const times = timesOf(plan)
    began = performance.now()
    const keeping = keepKeys(writing, (error) => track.trouble(codeOf(error)))
    stop.signal.addEventListener('abort', keeping.stop, { once: true })
    const late = lateness(plan.warmupMs)
    const clock = intervalClock({ track, times, now, watch, onInterval: options.onInterval })
    const before = measureStart(plan.warmupMs, watch)
    const flow = {
      next: maker.next,
      send: (batch: readonly Message[]) => {
        track.send(batch)
        lanes.push(batch)
        late.left(batch, now())
      },
      now,
      room: roomOf(track, plan.inFlight),
      signal: options.signal ?? stop.signal,
    }
    const checking = setInterval(() => lanes.check(performance.now()), 1_000)
    if (plan.pace.kind === 'max') await dispatchMax({ ...plan.pace, inARow: IN_A_ROW }, flow)
    else await dispatchAt(times, flow)
    await drained(track, plan.drainMs)
    clearInterval(checking)
    const start = await before
    const after = { usages: await watch(), ticks: machineTicks() }
    const intervals = await clock.stop()
    journal.add({ kind: 'end', at: now() })

    const messages = track.accept.count
    const from = plan.warmupMs
    const perSecond = (count: number, until: number) =>
      until > from ? Math.round((count / (until - from)) * 1000) : 0
    return {
      runId,
      startedAt,
      users: people.everybody.length,
      plan,
      sent: track.counts.sent,
      accepted: track.counts.accepted,
      refused: track.counts.refused,
      refusals: Object.fromEntries(track.refusals),
      unresolved: track.undecided(),
      copies: track.counts.copies,
      unheard: track.unheard(),
      resent: track.counts.resent,
      troubles: Object.fromEntries(track.troubles),
      measured: {
        messages,
        seconds: Math.max(0, Math.round(track.last.notified - from) / 1000),
        acceptedPerSecond: perSecond(messages, track.last.accepted),
        notifiedPerSecond: perSecond(track.notify.count, track.last.notified),
        submitToAcceptedMs: track.accept.whole,
        submitToNotifiedMs: track.notify.whole,
        late: late.found,
        cpuPerMessage: cpuPerMessage(start.usages, after.usages, messages),
        stealPercent: stolen(start.ticks, after.ticks),
      },
      intervals,
    }
  } finally {
    await lanes.close()
    stop.abort()
    await journal.close()
  }
}

async function openJournal(
  { journal: path, people, plan, absent = nobodyAbsent }: RunOptions,
  runId: string,
  startedAt: string,
): Promise<Journal> {
  if (path === undefined) return noJournal
  await writeKeyrings(
    keyringsOf(path),
    people.everybody.map(({ account }) => account.keyring),
  )
  return createJournal(path, {
    mailxLoadJournal: 1,
    runId,
    startedAt,
    seed: plan.seed,
    submit: plan.submit,
    users: people.everybody.map(({ address }) => address),
    absent: [...absent.addresses],
  })
}

/** `write` and `close` are the journal's own. */
function heardBy(hear: RunOptions['onRecord'], journal: Journal): Journal {
  if (hear === undefined) return journal
  return {
    ...journal,
    add(record) {
      hear(record)
      journal.add(record)
    },
  }
}

const timesOf = ({ pace, seed }: LoadPlan): readonly number[] =>
  pace.kind === 'max' ? [] : [...arrivals(pace.steps, pace.spacing, seededRandom(seed + 1))]

/** When a plan ends by itself. */
export const planLength = ({ pace }: LoadPlan): number =>
  pace.kind === 'max' ? pace.ms : lengthOf(pace.steps)

async function makerOf(
  { absent = nobodyAbsent, people, plan, say = () => {} }: RunOptions,
  runId: string,
  writing: readonly Circle<Person>[],
): Promise<Maker> {
  const { attached, pace, seed, seal, submit } = plan
  const maker = messageMaker({
    runId,
    seed,
    recipients: plan.recipients,
    sizes: plan.sizes,
    circles: writing,
    bodies: bodies(seed),
    absent: { ...absent, firstUser: people.everybody.length },
    submit,
    attached,
    inARow: pace.kind === 'max' ? IN_A_ROW : 0,
  })
  if (seal === 'inline') return maker
  const count = pace.kind === 'max' ? pace.count : timesOf(plan).length
  say(`sealing ${count} messages`)
  const sealed: (Message | undefined)[] = []
  for (let index = 0; index < count; index++) {
    sealed.push(await maker.next())
    // Sessions, pings and answers of servers must not wait for all of them.
    if (index % 16 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  let at = 0
  return {
    async next() {
      const message = sealed[at]
      if (message === undefined) throw new Error('more messages are wanted than were sealed')
      // What was sent is not kept twice.
      sealed[at] = undefined
      at += 1
      return message
    },
  }
}

async function measureStart(warmupMs: number, watch: Watch) {
  if (warmupMs > 0) await new Promise((resolve) => setTimeout(resolve, warmupMs))
  const usages: Usages = await watch()
  return { usages, ticks: machineTicks() }
}

function stolen(
  before: ReturnType<typeof machineTicks>,
  after: ReturnType<typeof machineTicks>,
): number {
  const all = after.all - before.all
  return all > 0 ? Math.round(((after.stolen - before.stolen) / all) * 1000) / 10 : 0
}

type Track = ReturnType<typeof tracker>

function roomOf(track: Track, capacity: number) {
  return async (count: number): Promise<void> => {
    while (track.undecided() > 0 && track.undecided() + count > capacity) {
      await new Promise<void>((resolve) => track.onChange(resolve))
    }
  }
}

async function drained(track: Track, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!track.isDone() && performance.now() < deadline) {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 50)
      track.onChange(() => {
        if (!track.isDone()) return
        clearTimeout(timer)
        resolve()
      })
    })
  }
}
