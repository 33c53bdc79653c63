import type { ProxyTap } from '@mailx/testing/tcp-proxy'
import { watchCommits } from './postgres-tap.ts'

/** Between services and Postgres: lets COMMITs through and loses the replies to them. */
export type CommitCutter = {
  readonly tap: (connection: { cut(): void }) => ProxyTap
  /** The next so many commits go through, and their connections are cut in place of the replies. */
  cutReplies(count: number): void
  /** How many replies were lost so far. */
  lost(): number
}

export function commitCutter(): CommitCutter {
  let wanted = 0
  let lost = 0
  return {
    cutReplies(count) {
      wanted = count
    },
    lost: () => lost,
    tap({ cut }) {
      const watch = watchCommits()
      let doomed = false
      return {
        toTarget(piece) {
          if (watch.sees(piece) && wanted > 0) {
            wanted -= 1
            doomed = true
          }
          return piece
        },
        fromTarget(piece) {
          if (!doomed) return piece
          // Postgres answers a commit when it is done.
          lost += 1
          cut()
          return undefined
        },
      }
    },
  }
}
