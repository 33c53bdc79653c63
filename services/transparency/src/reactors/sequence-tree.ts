/**
 * One try to sign the newest tree of a domain:
 *  1. Read what was signed last: the read model says where, the event itself says what. CORRUPT_LOG when
 *     they disagree.
 *  2. Read how large the tree is. Smaller than what was signed, though the projection is up to date:
 *     the decider refuses (CORRUPT_LOG).
 *  3. Hash the newly covered leaves again and compare every node above them. CORRUPT_LOG on a flipped bit.
 *  4. Sign, decide, and append at the version of step 1. A second sequencer gets CONFLICT and lost: its
 *     signature is thrown away, nobody ever saw it.
 */
import { MailxError } from '@mailx/errors/mailx-error'
import type { EventLog } from '@mailx/event-log/event-log'
import type { Sql } from '@mailx/event-log/sql'
import { decodeEvent, encodeEvent } from '@mailx/events/codec'
import { transparencyEvents } from '@mailx/events/transparency'
import type { OperationalSigningKey } from '@mailx/federation/operational-key'
import { keyLogOrigin } from '@mailx/keys/key-log-origin'
import { formatCheckpoint } from '@mailx/merkle/checkpoint'
import { signNote } from '@mailx/merkle/note'
import { type SignedTree, treeHead } from '../deciders/tree-head.ts'
import { verifiedGrowth } from '../tree/verified-growth.ts'

/** What one checkpoint covers anew at most, so that a long backlog is read in pieces. */
const MAX_GROWTH = 50_000

export type SequenceDeps = {
  readonly log: EventLog
  readonly sql: Sql
  /** The `log` key to sign with. */
  readonly keyOf: (domain: string) => Promise<OperationalSigningKey>
  /** Whether the key log has every event that was committed when it is asked. */
  readonly isProjected: () => Promise<boolean>
  readonly intervalMs: number
  readonly now: () => number
}

export type Sequenced =
  | { readonly status: 'nothing new' }
  /** Grown, but signed so lately that it has to wait. */
  | { readonly status: 'early'; readonly waitMs: number }
  | { readonly status: 'signed'; readonly size: number }

const nothingNew: Sequenced = { status: 'nothing new' }

export async function sequenceTree(deps: SequenceDeps, domain: string): Promise<Sequenced> {
  const { intervalMs, keyOf, log, now, sql } = deps
  const { tree, version } = await readSigned(log, sql, domain)
  const head = tree.status === 'signed' ? tree.head : undefined
  const signedSize = head?.size ?? 0
  let stored = await readSize(sql, domain)
  if (stored < signedSize) {
    // A rebuild is under way, or worse.
    if (!(await deps.isProjected())) return nothingNew
    stored = await readSize(sql, domain)
  }
  const key = await keyOf(domain)
  if (stored === signedSize && (head === undefined || head.kid === key.kid)) return nothingNew
  const waitMs = head === undefined ? 0 : head.signedAt + intervalMs - now()
  if (waitMs > 0 && waitMs <= intervalMs) return { status: 'early', waitMs }

  const size = Math.min(stored, signedSize + MAX_GROWTH)
  const { root, rootOfSigned } = await verifiedGrowth(sql, domain, Math.min(signedSize, size), size)
  const origin = keyLogOrigin(domain)
  const note = signNote(formatCheckpoint({ origin, size, root }), { name: origin, ...key })
  const events = treeHead.decide(
    {
      type: 'PublishCheckpoint',
      domain,
      origin,
      size,
      root,
      rootOfSigned,
      note,
      kid: key.kid,
      at: now(),
      intervalMs,
    },
    tree,
  )
  if (events.length === 0) return nothingNew
  await log.append({
    ...treeStream(domain),
    expectedVersion: version,
    events: events.map((event) => encodeEvent(transparencyEvents, event)),
  })
  return { status: 'signed', size }
}

const treeStream = (domain: string) =>
  ({ context: 'transparency', key: domain, stream: `tree/${domain}` }) as const

async function readSize(sql: Sql, domain: string): Promise<number> {
  const { rows } = await sql.query<{ size: string }>(
    'select size from transparency.trees where domain = $1',
    [domain],
  )
  return Number(rows[0]?.size ?? 0)
}

/** The state of the tree's stream, from its last event: the log is the truth, the row a signpost. */
async function readSigned(
  log: EventLog,
  sql: Sql,
  domain: string,
): Promise<{ tree: SignedTree; version: number }> {
  const { rows } = await sql.query<{ position: string; version: number }>(
    'select position, version from transparency.tree_heads where domain = $1',
    [domain],
  )
  const [row] = rows
  if (row === undefined) return { tree: treeHead.initialState, version: 0 }
  const { key, stream, context } = treeStream(domain)
  const partition = log.partitionOf(context, key)
  const [stored] = await log.read({ partition, after: BigInt(row.position) - 1n, limit: 1 })
  const event = stored && decodeEvent(transparencyEvents, stored)
  if (stored?.stream !== stream || stored.version !== row.version || event === undefined) {
    throw new MailxError(
      'CORRUPT_LOG',
      `the newest checkpoint of ${domain} is not in the log where the read model says: rebuild transparency.tree-heads`,
    )
  }
  return { tree: treeHead.evolve(treeHead.initialState, event), version: row.version }
}
