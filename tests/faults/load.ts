import { join } from 'node:path'
import { defaultPlan } from '@mailx/loadtest-tool/load-plan'
import type { LoadResult } from '@mailx/loadtest-tool/load-result'
import { type People, registerPeople } from '@mailx/loadtest-tool/people'
import { runLoad } from '@mailx/loadtest-tool/run-load'
import type { Success } from './fault.ts'
import { probe } from './probes.ts'
import { domains, type Rig } from './rig.ts'
import { type LoadWatch, watchLoad } from './watch-load.ts'

export type Load = {
  readonly watch: LoadWatch
  readonly journal: string
  /** Rejects when the load ended by itself: nothing that is broken after that proves anything. */
  readonly died: Promise<never>
  /** When the first success came of what began after `since`; waits for it, `timeoutMs` at most. */
  first(success: Success, since: number, timeoutMs: number): Promise<number | undefined>
  /** Ends the sending, waits for what is under way, and tells what was sent. */
  stop(): Promise<LoadResult>
}

type LoadOptions = {
  readonly name: string
  readonly perSecond: number
  readonly seed: number
  /** How long to wait at the end for what is under way. */
  readonly drainMs: number
}

const CONNECTIONS = 8
const LONGEST_MS = 2 * 60 * 60_000

/** Nobody lives there, here and elsewhere, or there is no such domain: whoever writes to them is told so. */
const absent = {
  addresses: [...domains, 'gone.test'].map((domain) => `nobody@${domain}`),
  share: 0.05,
}

export const registerUsers = (rig: Rig, users: number): Promise<People> =>
  registerPeople(domains, { users, prefix: 'u', home: rig.home, connections: CONNECTIONS })

/**
 * Everybody writes to both domains, so many messages a second, until it is stopped: by streams and by
 * calls, to several at once, with attachments, and now and then to somebody who does not exist.
 */
export async function startLoad(
  rig: Rig,
  people: People,
  { name, perSecond, seed, drainMs }: LoadOptions,
): Promise<Load> {
  const journal = join(rig.folder, `${name}.journal`)
  const watch = watchLoad((user) => people.everybody[user]?.domain ?? '')
  const stopping = new AbortController()
  const begun = Promise.withResolvers<void>()
  const result = runLoad({
    people,
    absent,
    plan: {
      ...defaultPlan,
      mode: 'mixed',
      pace: { kind: 'steps', steps: [{ perSecond, ms: LONGEST_MS }], spacing: 'poisson' },
      recipients: { min: 1, max: 3 },
      submit: 'both',
      attached: 0.1,
      seal: 'inline',
      inFlight: 20_000,
      drainMs,
      answerWithinMs: 10_000,
      seed,
    },
    journal,
    onRecord(record) {
      watch.hear(record)
      if (record.kind === 'accepted') begun.resolve()
    },
    signal: stopping.signal,
  })
  result.catch(begun.reject)
  const died = result.then(() => Promise.race<never>([]))
  died.catch(() => {})
  await begun.promise
  return {
    watch,
    journal,
    died,
    first: (success, since, timeoutMs) =>
      success.kind === 'accepted' || success.kind === 'notified'
        ? watch.first(success, since, timeoutMs)
        : probe(rig, people, success, timeoutMs),
    stop() {
      stopping.abort()
      return result
    },
  }
}
