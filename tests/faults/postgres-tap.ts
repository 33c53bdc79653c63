/** What is committed: a batch of the log, or what a projection makes of one, with its checkpoint. */
export const commitKinds = ['append', 'projection'] as const

export type CommitKind = (typeof commitKinds)[number]

/**
 * Reads along what a client says to Postgres (protocol 3.0), as far as is needed to know when a COMMIT is
 * on its way. That is the simple query `commit`, or one that moves a checkpoint and commits; and, outside of
 * a transaction that was begun, the Sync after the call that appends, or after statements of which the first
 * moves a checkpoint: they commit by themselves.
 */
export type CommitWatch = {
  /** What is asked to be committed with this piece. */
  sees(piece: Buffer): CommitKind | undefined
}

const HEADER = 5
const BODY = 64
const QUERY = 'Q'.charCodeAt(0)
const BIND = 'B'.charCodeAt(0)
const SYNC = 'S'.charCodeAt(0)
const APPEND = 'log.append-together'
const MOVE = 'processors.move-'

export function watchCommits(): CommitWatch {
  let started = false
  let inTransaction = false
  /** What the statements since the last COMMIT are about. */
  let about: CommitKind | undefined
  let head = Buffer.alloc(0)
  /** Bytes of the message under way that are still to come and matter to nobody. */
  let skip = 0

  return {
    sees(piece) {
      let committed: CommitKind | undefined
      let rest = piece
      while (rest.length > 0) {
        const skipped = Math.min(skip, rest.length)
        skip -= skipped
        rest = rest.subarray(skipped)
        if (rest.length === 0) break
        const wanted = wantedBytes(head, started)
        const taken = rest.subarray(0, wanted - head.length)
        head = Buffer.concat([head, taken])
        rest = rest.subarray(taken.length)
        if (head.length < wantedBytes(head, started)) continue
        committed = judge() ?? committed
      }
      return committed
    },
  }

  /** The beginning of a message is complete. */
  function judge(): CommitKind | undefined {
    const message = head
    head = Buffer.alloc(0)
    const length = started ? message.readInt32BE(1) + 1 : message.readInt32BE(0)
    skip = length - message.length
    if (!started) {
      started = true
      return undefined
    }
    const [type] = message
    if (type === BIND) about = kindOf(statementOf(message)) ?? about
    if (type === SYNC && !inTransaction) return ended()
    if (type !== QUERY) return undefined
    return judgeQuery(message.subarray(HEADER).toString('latin1').trimStart().toLowerCase())
  }

  function judgeQuery(text: string): CommitKind | undefined {
    if (text.startsWith('begin')) {
      inTransaction = true
      about = undefined
      return undefined
    }
    if (text.startsWith('rollback')) {
      inTransaction = false
      about = undefined
      return undefined
    }
    if (inTransaction && /^update \S+\.checkpoints /.test(text)) about = 'projection'
    else if (!text.startsWith('commit')) return undefined
    inTransaction = false
    return ended()
  }

  function ended(): CommitKind | undefined {
    const kind = about
    about = undefined
    return kind
  }
}

function kindOf(statement: string): CommitKind | undefined {
  if (statement === APPEND) return 'append'
  return statement.startsWith(MOVE) ? 'projection' : undefined
}

/** How much of a message must be there before it can be judged. */
function wantedBytes(head: Buffer, started: boolean): number {
  if (!started) return 4
  if (head.length < HEADER) return HEADER
  return Math.min(HEADER + BODY, head.readInt32BE(1) + 1)
}

/** Bind: the portal's name, then the statement's, each ended by a zero. */
function statementOf(message: Buffer): string {
  const portalEnd = message.indexOf(0, HEADER)
  const end = message.indexOf(0, portalEnd + 1)
  return end === -1 ? '' : message.subarray(portalEnd + 1, end).toString('latin1')
}
