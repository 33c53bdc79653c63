import { MailxError } from '@mailx/errors/mailx-error'
import type { Sql } from '@mailx/event-log/sql'
import { repeatedly } from '@mailx/messaging/repeatedly'
import type { Logger } from '@mailx/telemetry/logger'
import { counter, gauge } from '@mailx/telemetry/metrics'
import { type SequenceDeps, sequenceTree } from './sequence-tree.ts'

const signed = counter({
  name: 'mailx_key_log_checkpoints_total',
  help: 'Checkpoints signed.',
  labelNames: ['service'],
})
const refused = counter({
  name: 'mailx_key_log_refusals_total',
  help: 'Checkpoints that were not signed, by reason. CORRUPT_LOG wants a person at once.',
  labelNames: ['service', 'code'],
})

const leaves = gauge({
  name: 'mailx_key_log_leaves',
  help: 'Entries of the key logs of all hosted domains.',
})
const unsigned = gauge({
  name: 'mailx_key_log_unsigned_leaves',
  help: 'Entries that no signed checkpoint covers yet. Above zero for minutes: heads are stale.',
})

/** What must not be repeated every second: a person has to act. */
const AFTER_REFUSAL_MS = 30_000
const AFTER_FAILURE_MS = 1_000
const LOOK_EVERY_MS = 2_000
const LOOK_AT_ALL_EVERY_MS = 60 * 60 * 1000

export type Sequencer = {
  /** These trees may have grown. */
  wake(domains: readonly string[]): void
  stop(): Promise<void>
}

type Options = SequenceDeps & { readonly sql: Sql; readonly logger: Logger }

type Job = { timer: NodeJS.Timeout | undefined; running: boolean; again: boolean }

/**
 * Signs each tree soon after it grew, at most once per interval, one try at a time. Trees that another
 * replica's projection grew are found by looking; every tree is looked at once an hour, for the day
 * when its key is renewed.
 */
export function startSequencer(options: Options): Sequencer {
  const { logger, sql } = options
  const jobs = new Map<string, Job>()
  const running = new Set<Promise<void>>()
  let stopped = false
  let allLookedAt = performance.now() - LOOK_AT_ALL_EVERY_MS
  // A counter that begins at 1 has not grown, as Prometheus sees it.
  refused.inc({ service: 'transparency', code: 'CORRUPT_LOG' }, 0)

  const schedule = (domain: string, waitMs: number) => {
    const job = jobs.get(domain) ?? { timer: undefined, running: false, again: false }
    jobs.set(domain, job)
    if (stopped) return
    if (job.running) job.again = true
    else if (job.timer === undefined) job.timer = setTimeout(() => start(domain, job), waitMs)
  }

  const start = (domain: string, job: Job) => {
    job.timer = undefined
    job.running = true
    const work = run(domain).then((waitMs) => {
      job.running = false
      running.delete(work)
      const next = job.again ? (waitMs ?? 0) : waitMs
      job.again = false
      if (next === undefined) jobs.delete(domain)
      else schedule(domain, next)
    })
    running.add(work)
  }

  /** How long until the next try; undefined when none is needed. Never rejects. */
  const run = async (domain: string): Promise<number | undefined> => {
    try {
      const result = await sequenceTree(options, domain)
      switch (result.status) {
        case 'nothing new':
          return undefined
        case 'early':
          return result.waitMs
        case 'signed':
          signed.inc({ service: 'transparency' })
          logger.debug({ domain, size: result.size }, 'checkpoint signed')
          return options.intervalMs
      }
    } catch (error) {
      return report(error, domain)
    }
  }

  const report = (error: unknown, domain: string): number => {
    const code = error instanceof MailxError ? error.code : 'INTERNAL'
    // Another sequencer was faster: what it signed comes back through the read model.
    if (code === 'CONFLICT') return options.intervalMs
    refused.inc({ service: 'transparency', code })
    if (code === 'UNAVAILABLE' || code === 'DEADLINE_EXCEEDED') {
      logger.warn({ err: error, domain }, 'no checkpoint could be signed; trying again')
      return AFTER_FAILURE_MS
    }
    logger.error({ err: error, domain, alarm: 'key-log' }, 'a checkpoint was refused')
    return AFTER_REFUSAL_MS
  }

  const looking = repeatedly(
    LOOK_EVERY_MS,
    async () => {
      const all = performance.now() - allLookedAt >= LOOK_AT_ALL_EVERY_MS
      if (all) allLookedAt = performance.now()
      for (const domain of await treesToSign(sql, all)) schedule(domain, 0)
      await countLeaves(sql)
    },
    (error) => logger.warn({ err: error }, 'could not look for trees that grew; trying again'),
  )

  return {
    wake: (domains) => {
      for (const domain of domains) schedule(domain, 0)
    },
    stop: async () => {
      stopped = true
      for (const job of jobs.values()) clearTimeout(job.timer)
      await looking.stop()
      await Promise.all(running)
    },
  }
}

async function countLeaves(sql: Sql): Promise<void> {
  const { rows } = await sql.query<{ all: string | null; signed: string | null }>(
    `select sum(trees.size) as all, sum(heads.size) as signed
       from transparency.trees left join transparency.tree_heads as heads using (domain)`,
  )
  const all = Number(rows[0]?.all ?? 0)
  leaves.set(all)
  unsigned.set(all - Number(rows[0]?.signed ?? 0))
}

async function treesToSign(sql: Sql, all: boolean): Promise<string[]> {
  const { rows } = await sql.query<{ domain: string }>(
    `select domain from transparency.trees left join transparency.tree_heads as heads
       using (domain) where $1 or heads.size is distinct from trees.size`,
    [all],
  )
  return rows.map(({ domain }) => domain)
}
