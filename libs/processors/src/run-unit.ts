import { setTimeout as delay } from 'node:timers/promises'
import { crashAt } from '@mailx/config/crash-at'
import { MailxError } from '@mailx/errors/mailx-error'
import { GENESIS } from '@mailx/event-log/chain'
import type { EventLog, Head, StoredEvent } from '@mailx/event-log/event-log'
import type { Pool } from 'pg'
import { type Applied, applyEvents, parkAndMove } from './apply-page.ts'
import { type Checkpoint, loadCheckpoint, moveCheckpoint } from './checkpoint.ts'
import { decodePage, reasonOf } from './decode-page.ts'
import type { Inbox, Page } from './inbox.ts'
import { isPassing } from './is-passing.ts'
import type { Processor } from './processor.ts'
import { failedPages, fallbackReads, processedEvents } from './processor-metrics.ts'
import { checkHead, readPage } from './read-page.ts'
import { resume } from './resume.ts'
import { signalBox } from './signal-box.ts'

export type UnitOptions = {
  readonly pool: Pool
  readonly log: EventLog
  readonly schema: string
  readonly processor: Processor
  readonly partition: string
  readonly inbox: Inbox
  /** Reads the partition's head from Postgres. */
  readonly readHead: () => Promise<Head>
  readonly onProgress: () => void
  readonly onTrouble: (error: unknown) => void
}

/** One processor at work in one partition. */
export type Unit = {
  readonly processor: Processor
  readonly partition: string
  /** Undefined until the checkpoint is loaded. */
  position(): bigint | undefined
  /** Why it stopped for good. */
  stuck(): string | undefined
  /** When it last got on, or had nothing to do; a `performance.now()`. */
  lastProgress(): number
  /** Something may have arrived. */
  wake(): void
  /** A head that it should have reached by now: if it has not, it reads from Postgres. */
  expect(head: Head): void
  stop(): Promise<void>
}

const MAX_PAGE = 500
const TRIES = 3
const FIRST_BACKOFF_MS = 50
const LONGEST_BACKOFF_MS = 5000
/** How long a missing batch may be on its way before it is read from Postgres. */
const GAP_PATIENCE_MS = 20
const CONTENDED_MS = 100
const IDLE_MS = 60_000
/** How long the checkpoint in Postgres may stay behind events that changed nothing there. */
const STORE_WITHIN_MS = 200

/**
 * Moves a processor along its partition:
 *
 * 1. Load the checkpoint. What was applied up to there by others, a projection may have to tell of.
 * 2. Take what continues it from the inbox; after a gap, or when it is behind an expected head, from
 *    Postgres, checking the chain.
 * 3. Apply, and move the checkpoint with it; after events that changed nothing in Postgres, so that
 *    applying them again is harmless, a little later.
 * 4. A passing failure (of the database, of a peer): again, for as long as it takes. Any other: half
 *    as many events at a time, until the one that fails stands alone; after three tries it is parked.
 * 5. A log that contradicts the checkpoint or itself stops the unit for good.
 */
export function startUnit(options: UnitOptions): Unit {
  const { pool, log, schema, processor, partition, inbox, readHead } = options
  const { name } = processor.of
  const key = { schema, processor: name, partition }
  const bell = signalBox()
  const stopping = new AbortController()
  let checkpoint: Checkpoint | undefined
  /** The checkpoint in Postgres, as of the last look. */
  let stored: Checkpoint = { position: 0n, hash: GENESIS }
  /** When it has to catch up; a `performance.now()`. */
  let storeBy = Number.POSITIVE_INFINITY
  let behind = true
  let limit = MAX_PAGE
  /** In a row, for whatever reason: how long to back off. */
  let failures = 0
  /** Of the event at the front alone, for its own sake. */
  let tries = 0
  let stuck: string | undefined
  let lastProgress = performance.now()
  const done = run()

  return {
    processor,
    partition,
    position: () => checkpoint?.position,
    stuck: () => stuck,
    lastProgress: () => lastProgress,
    wake: bell.ring,
    expect(head) {
      if (checkpoint === undefined) return
      if (head.position > checkpoint.position) {
        behind = true
        bell.ring()
      } else if (failures === 0) lastProgress = performance.now()
    },
    async stop() {
      stopping.abort()
      bell.ring()
      await done
    },
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted && stuck === undefined) {
      try {
        checkpoint ??= await firstCheckpoint()
        const page = await nextPage(checkpoint)
        if (page !== undefined) await step(page)
        if (performance.now() >= storeBy) await store()
        // A wait inside `nextPage` may have used up the bell that `stop` rang.
        else if (page === undefined && !stopping.signal.aborted) {
          await bell.wait(Math.min(IDLE_MS, storeBy - performance.now()))
        }
      } catch (error) {
        await recover(error)
      }
    }
    await store().catch(options.onTrouble)
  }

  /** Somebody else moved it: then it is loaded again. */
  async function store(): Promise<void> {
    if (checkpoint === undefined || storeBy === Number.POSITIVE_INFINITY) return
    const isStored = await moveCheckpoint(pool, key, stored.position, checkpoint)
    crashAt('processor.after-store')
    storeBy = Number.POSITIVE_INFINITY
    if (isStored) stored = checkpoint
    else checkpoint = undefined
  }

  async function firstCheckpoint(): Promise<Checkpoint> {
    if (processor.kind === 'follower') return { position: 0n, hash: GENESIS }
    const loaded = await loadCheckpoint(pool, key)
    const head = await readHead()
    if (loaded.position > head.position) {
      const what = `${name} has applied position ${loaded.position}`
      throw new MailxError('CORRUPT_LOG', `${what}, but partition ${partition} ends before it`)
    }
    checkHead(loaded, head)
    if (processor.kind === 'projection') {
      const { position } = loaded
      await resume(processor.of, {
        log,
        partition,
        known: stored.position,
        position,
        page: MAX_PAGE,
      })
    }
    behind = true
    stored = loaded
    return loaded
  }

  async function nextPage(after: Checkpoint): Promise<Page | undefined> {
    const arrived = inbox.take(after, limit)
    if (arrived !== undefined) return arrived
    let later = inbox.laterThan(after.position)
    if (!behind && later.length > 0) {
      await bell.wait(GAP_PATIENCE_MS)
      const late = inbox.take(after, limit)
      if (late !== undefined) return late
      later = inbox.laterThan(after.position)
      behind = true
    }
    if (!behind) return undefined
    fallbackReads.inc({ projection: name })
    const page = await readPage(log, after, limit, await readHead())
    if (page !== undefined) crashAt('processor.after-fallback')
    behind = page !== undefined && page.events.length === limit
    if (page === undefined) {
      // What is published is committed: without anything in Postgres, it was never a batch of this log.
      inbox.drop(later)
      // Whatever failed before, it has dealt with everything.
      failures = 0
      lastProgress = performance.now()
    }
    return page
  }

  async function step(page: Page): Promise<void> {
    const { wanted, count, poison } = decodePage(processor.of, partition, page.events)
    const [first] = page.events
    if (count === 0 && poison !== undefined && processor.kind !== 'follower') {
      tries = 1
      return park(first as StoredEvent, poison)
    }
    const handled = Math.max(count, 1)
    const to = page.events[handled - 1] as StoredEvent
    try {
      const applied = await applyEvents({ pool, processor, key, from: stored, to }, wanted)
      moved(applied, to, handled)
      if (applied === 'lost') await delay(CONTENDED_MS)
    } catch (error) {
      failedPages.inc({ projection: name })
      if (isPassing(error) || processor.kind === 'follower') throw error
      if (handled > 1) {
        limit = Math.ceil(handled / 2)
        return
      }
      tries += 1
      if (tries < TRIES) throw error
      await park(first as StoredEvent, reasonOf(error))
    }
  }

  async function park(event: StoredEvent, reason: string): Promise<void> {
    const move = { pool, processor, key, from: stored, to: event }
    const parked = await parkAndMove(move, event, reason, tries)
    moved(parked ? 'moved' : 'lost', event, 1)
    if (!parked) return delay(CONTENDED_MS)
    const where = `${partition}/${event.position} (${event.type})`
    options.onTrouble(new MailxError('INTERNAL', `${name} parked event ${where}: ${reason}`))
  }

  /** lost: somebody else holds or moved the checkpoint, and it has to be loaded again. */
  function moved(applied: Applied, to: Checkpoint, count: number): void {
    const next = { position: to.position, hash: to.hash }
    checkpoint = applied === 'lost' ? undefined : next
    lastProgress = performance.now()
    if (applied === 'lost') {
      storeBy = Number.POSITIVE_INFINITY
      return
    }
    if (applied === 'moved') {
      stored = next
      storeBy = Number.POSITIVE_INFINITY
    } else if (processor.kind !== 'follower') {
      storeBy = Math.min(storeBy, lastProgress + STORE_WITHIN_MS)
    }
    failures = 0
    tries = 0
    limit = Math.min(2 * limit, MAX_PAGE)
    processedEvents.inc({ projection: name }, count)
    options.onProgress()
  }

  async function recover(error: unknown): Promise<void> {
    options.onTrouble(error)
    const corrupt = error instanceof MailxError && error.code === 'CORRUPT_LOG'
    if (corrupt || (processor.kind === 'follower' && !isPassing(error))) {
      stuck = reasonOf(error)
      return
    }
    failures += 1
    const backoff = Math.min(FIRST_BACKOFF_MS * 2 ** (failures - 1), LONGEST_BACKOFF_MS)
    const until = performance.now() + backoff
    while (!stopping.signal.aborted && performance.now() < until) {
      await bell.wait(until - performance.now())
    }
  }
}
