import { join } from 'node:path'
import { defaultPlan } from '@mailx/loadtest-tool/load-plan'
import type { LoadResult } from '@mailx/loadtest-tool/load-result'
import { type People, registerPeople } from '@mailx/loadtest-tool/people'
import { runLoad } from '@mailx/loadtest-tool/run-load'
import { domains, type Rig } from './rig.ts'
import { type LoadWatch, watchLoad } from './watch-load.ts'

export type Load = {
  readonly watch: LoadWatch
  readonly journal: string
  /** Rejects when the load ended by itself: nothing that is broken after that proves anything. */
  readonly died: Promise<never>
  /** Ends the sending, waits for what is under way, and tells what was sent. */
  stop(): Promise<LoadResult>
}

const CONNECTIONS = 8
const LONGEST_MS = 60 * 60_000
// Longer than a dead connection may look alive.
const DRAIN_MS = 120_000

export const registerUsers = (rig: Rig, users: number): Promise<People> =>
  registerPeople(domains, { users, prefix: 'u', home: rig.home, connections: CONNECTIONS })

/** Everybody writes to both domains, so many messages a second, until it is stopped. */
export async function startLoad(
  rig: Rig,
  people: People,
  { name, perSecond, seed }: { name: string; perSecond: number; seed: number },
): Promise<Load> {
  const journal = join(rig.folder, `${name}.journal`)
  const watch = watchLoad((user) => people.everybody[user]?.domain ?? '')
  const stopping = new AbortController()
  const begun = Promise.withResolvers<void>()
  const result = runLoad({
    people,
    plan: {
      ...defaultPlan,
      mode: 'mixed',
      pace: { kind: 'steps', steps: [{ perSecond, ms: LONGEST_MS }], spacing: 'poisson' },
      seal: 'inline',
      inFlight: 20_000,
      drainMs: DRAIN_MS,
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
    stop() {
      stopping.abort()
      return result
    },
  }
}
