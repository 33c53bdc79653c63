import type { ProxyTap } from '@mailx/testing/tcp-proxy'
import { type CommitKind, watchCommits } from './postgres-tap.ts'

/** Between services and Postgres: lets COMMITs through and loses the replies to them. */
export type CommitCutter = {
  readonly tap: (connection: { cut(): void }) => ProxyTap
  /** The next so many commits of the kind go through, and their connections are cut in place of the replies. */
  cutReplies(kind: CommitKind, count: number): void
  /** How many replies were lost so far. */
  readonly lost: Readonly<Record<CommitKind, number>>
}

export function commitCutter(): CommitCutter {
  const wanted: Record<CommitKind, number> = { append: 0, projection: 0 }
  const lost: Record<CommitKind, number> = { append: 0, projection: 0 }
  return {
    cutReplies(kind, count) {
      wanted[kind] = count
    },
    lost,
    tap({ cut }) {
      const watch = watchCommits()
      let doomed: CommitKind | 'cut' | undefined
      return {
        toTarget(piece) {
          const kind = watch.sees(piece)
          if (kind !== undefined && doomed === undefined && wanted[kind] > 0) {
            wanted[kind] -= 1
            doomed = kind
          }
          return piece
        },
        fromTarget(piece) {
          if (doomed === undefined) return piece
          // Postgres answers a commit when it is done.
          if (doomed !== 'cut') lost[doomed] += 1
          doomed = 'cut'
          cut()
          return undefined
        },
      }
    },
  }
}
