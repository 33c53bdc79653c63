import { setTimeout as delay } from 'node:timers/promises'
import { crashAt } from '@mailx/config/crash-at'
import { MailxError } from '@mailx/errors/mailx-error'
import type { ClientBase, Pool } from 'pg'
import type { PendingAppend } from './pending-append.ts'
import { type BatchPlan, type ChainEnd, planBatch } from './plan-batch.ts'
import { fromPostgresError, isRefusal, isTransient } from './postgres-error.ts'
import { isWritten, lockHead, readVersions, type Written, writeBatch } from './write-batch.ts'

export type PartitionWriterOptions = {
  readonly pool: Pool
  readonly partition: string
  readonly now: () => number
  /** Called after COMMIT, when the callers have been told. Must not throw. */
  readonly onCommitted: (plan: BatchPlan) => void
  /** How long to find out whether a batch was committed before saying that it is not known. */
  readonly doubtMs: number
}

type Attempt = { readonly plan: BatchPlan; readonly written: Written }

const RETRIES = 5
const RETRY_DELAY_MS = 50

export type PartitionWriter = {
  /**
   * The requests behind the head as this process knows it, for who writes that; undefined where the
   * head has to be locked first.
   */
  plan(requests: readonly PendingAppend[], recordedAt: number): BatchPlan | undefined
  /** Tells the callers of a plan that it is written; writes what had to wait for that. Never rejects. */
  written(plan: BatchPlan): Promise<void>
  /**
   * Writes the requests and tells their callers what became of them. Never rejects. `doubtful`: a plan
   * of all of them that may have been committed.
   */
  settle(requests: readonly PendingAppend[], doubtful?: BatchPlan): Promise<void>
}

/**
 * Writes batches into one partition, one at a time:
 *
 * 1. Plan: positions and hashes behind the head as this process knows it.
 * 2. Write: one round trip that commits, if the head is still there (usual when one process appends
 *    to the partition). If it moved: lock the head, plan again, write, commit.
 * 3. Callers whose version did not hold get CONFLICT; the others go into the next attempt.
 * 4. The connection breaks after sending: the outcome is open. Lock the head, look whether the batch
 *    is there, and otherwise write it again, which also fences the lost attempt: should it still
 *    arrive, it finds that the head moved. No answer within `doubtMs`: UNAVAILABLE.
 */
export function partitionWriter({
  pool,
  partition,
  now,
  onCommitted,
  doubtMs,
}: PartitionWriterOptions): PartitionWriter {
  let head: ChainEnd | undefined
  // Another process appends here too: lock first instead of failing first.
  let contended = false

  return {
    plan: planBehindHead,
    async written(planned) {
      await settle(tell(planned, { outcome: 'appended' }))
    },
    settle,
  }

  function planBehindHead(
    requests: readonly PendingAppend[],
    recordedAt: number,
  ): BatchPlan | undefined {
    const anyVersion = requests.some((request) => request.expectedVersion === 'any')
    if (head === undefined || contended || anyVersion) return undefined
    return planBatch(partition, requests, head, recordedAt, new Map())
  }

  async function settle(requests: readonly PendingAppend[], inDoubt?: BatchPlan): Promise<void> {
    const recordedAt = now()
    let open = requests
    let doubtful = inDoubt
    let doubtfulSince = inDoubt === undefined ? 0 : performance.now()
    for (let tries = 1; open.length > 0; tries += 1) {
      let sent: BatchPlan | undefined
      const onSend = (plan: BatchPlan) => {
        sent = plan
      }
      try {
        const { plan, written } = await attempt(open, recordedAt, doubtful, onSend)
        doubtful = undefined
        open = tell(plan, written)
      } catch (error) {
        head = undefined
        if (isRefusal(error)) {
          if (isTransient(error) && error.code.startsWith('40') && tries <= RETRIES) continue
          const alone = open.length === 1 || doubtful !== undefined
          if (isTransient(error) || alone) return rejectAll(open, error)
          // One of them may be what Postgres refuses; the others must not suffer.
          for (const request of open) await settle([request])
          return
        }
        doubtful = sent ?? doubtful
        if (doubtful === undefined) return rejectAll(open, error)
        doubtfulSince ||= performance.now()
        if (performance.now() - doubtfulSince > doubtMs) return rejectAll(open, unknown(error))
        await delay(RETRY_DELAY_MS)
      }
    }
  }

  async function attempt(
    requests: readonly PendingAppend[],
    recordedAt: number,
    doubtful: BatchPlan | undefined,
    onSend: (plan: BatchPlan) => void,
  ): Promise<Attempt> {
    const client = await pool.connect()
    try {
      const planned = doubtful === undefined ? planBehindHead(requests, recordedAt) : undefined
      const result =
        planned === undefined
          ? await writeBehindLockedHead(client, requests, recordedAt, doubtful, onSend)
          : await writePlanned(client, planned, onSend)
      client.release()
      return result
    } catch (error) {
      // Not worth asking in which state it is: a new connection is clean.
      client.release(true)
      throw error
    }
  }

  async function writeBehindLockedHead(
    client: ClientBase,
    requests: readonly PendingAppend[],
    recordedAt: number,
    doubtful: BatchPlan | undefined,
    onSend: (plan: BatchPlan) => void,
  ): Promise<Attempt> {
    const start = await lockHead(client, partition)
    contended = head !== undefined && head.position !== start.position
    head = start
    if (doubtful !== undefined && (await isWritten(client, doubtful, start))) {
      await client.query('rollback')
      crashAt('log.after-doubt')
      return { plan: doubtful, written: { outcome: 'appended' } }
    }
    const anyVersion = requests.filter((request) => request.expectedVersion === 'any')
    const streams = [...new Set(anyVersion.map((request) => request.stream))]
    const known = await readVersions(client, partition, streams)
    const planned = planBatch(partition, requests, start, recordedAt, known)
    const written = await writeBatch(client, planned)
    if (written.outcome === 'appended') {
      onSend(planned)
      crashAt('log.before-commit')
    }
    await client.query(written.outcome === 'appended' ? 'commit' : 'rollback')
    return { plan: planned, written }
  }

  /** Tells the callers whose outcome is certain; returns the others. */
  function tell(plan: BatchPlan, written: Written): readonly PendingAppend[] {
    switch (written.outcome) {
      case 'moved':
        head = written.head
        contended = true
        return [...plan.included.map(({ pending }) => pending), ...plan.held]

      case 'conflict': {
        const all = [...plan.included.map(({ pending }) => pending), ...plan.held]
        return all.filter((pending) => isStillPossible(pending, written.actual))
      }

      case 'appended':
        crashAt('log.after-commit')
        head = plan.end
        for (const { pending, version, position } of plan.included) {
          pending.resolve({ partition, position, version, recordedAt: plan.recordedAt })
        }
        onCommitted(plan)
        return plan.held.filter((pending) => isStillPossible(pending, plan.versions))
    }
  }
}

async function writePlanned(
  client: ClientBase,
  plan: BatchPlan,
  onSend: (plan: BatchPlan) => void,
): Promise<Attempt> {
  onSend(plan)
  return { plan, written: await writeBatch(client, plan) }
}

/** Rejects a request whose stream was, at that moment, not at the version it expects. */
function isStillPossible(
  { stream, expectedVersion, reject }: PendingAppend,
  versions: ReadonlyMap<string, number>,
): boolean {
  const actual = versions.get(stream)
  if (expectedVersion === 'any' || actual === undefined || actual === expectedVersion) return true
  const message = `stream ${stream} is at version ${actual}, not at ${expectedVersion}: read it again`
  reject(new MailxError('CONFLICT', message))
  return false
}

function rejectAll(requests: readonly PendingAppend[], error: unknown): void {
  const reason = fromPostgresError(error)
  for (const { reject } of requests) reject(reason)
}

const unknown = (cause: unknown): MailxError =>
  new MailxError(
    'UNAVAILABLE',
    'Postgres was lost during COMMIT and it is not known whether it took place: try again',
    { cause, retryAfterMs: 1000 },
  )
