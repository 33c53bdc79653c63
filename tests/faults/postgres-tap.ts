/**
 * Reads along what a client says to Postgres (protocol 3.0), as far as is needed to know when a COMMIT is
 * on its way: the simple query `commit`, or the function call that appends a batch outside of any
 * transaction and so commits by itself.
 */
export type CommitWatch = {
  /** Whether, with this piece, a commit was asked for. */
  sees(piece: Buffer): boolean
}

const HEADER = 5
const BODY = 64
const QUERY = 'Q'.charCodeAt(0)
const BIND = 'B'.charCodeAt(0)
const APPEND = 'log.append'

export function watchCommits(): CommitWatch {
  let started = false
  let inTransaction = false
  let head = Buffer.alloc(0)
  /** Bytes of the message under way that are still to come and matter to nobody. */
  let skip = 0

  return {
    sees(piece) {
      let commits = false
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
        commits = judge() || commits
      }
      return commits
    },
  }

  /** The beginning of a message is complete. */
  function judge(): boolean {
    const message = head
    head = Buffer.alloc(0)
    const length = started ? message.readInt32BE(1) + 1 : message.readInt32BE(0)
    skip = length - message.length
    if (!started) {
      started = true
      return false
    }
    if (message[0] === BIND) return !inTransaction && statementOf(message) === APPEND
    if (message[0] !== QUERY) return false
    const text = message.subarray(HEADER).toString('latin1').trimStart().toLowerCase()
    if (text.startsWith('begin')) inTransaction = true
    if (text.startsWith('rollback')) inTransaction = false
    const commits = text.startsWith('commit')
    if (commits) inTransaction = false
    return commits
  }
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
