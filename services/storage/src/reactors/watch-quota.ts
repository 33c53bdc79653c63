/**
 * From a batch of events to MailboxFilled and MailboxFreed:
 *
 * 1. Sum up what each mailbox takes in, from the events alone.
 * 2. A mailbox with credit left pays from it: it was far from its quota when it was last looked at,
 *    and has not taken in enough since to matter. Nothing is read.
 * 3. The others are looked at, once the read models have these very events.
 * 4. A crossing is appended at the version that was read. Somebody else was faster: look again.
 */
import { MailxError } from '@mailx/errors/mailx-error'
import type { EventLog } from '@mailx/event-log/event-log'
import { encodeEvent } from '@mailx/events/codec'
import { type MailboxEvent, mailboxEvents } from '@mailx/events/mailbox'
import { receptionEvents } from '@mailx/events/reception'
import { submissionEvents } from '@mailx/events/submission'
import type { Reactor } from '@mailx/processors/reactor'
import type pg from 'pg'
import { bytesTakenIn, creditOf, decideFill, type MailboxFill } from '../deciders/quota.ts'

const events = { ...submissionEvents, ...receptionEvents, ...mailboxEvents }

export type QuotaDeps = {
  readonly pool: pg.Pool
  readonly log: EventLog
  /** Resolves when the read models of a partition have a position. */
  readonly applied: (partition: string, position: bigint) => Promise<void>
  readonly quotaBytes: number
}

const ATTEMPTS = 5
const MAX_CREDITS = 50_000

/** Notices when a mailbox becomes full, and when it has room again. */
export function watchQuota(deps: QuotaDeps): Reactor<typeof events> {
  const credits = new Map<string, number>()
  const watchers = deps.log.partitionsOf('submission').length + 1

  return {
    name: 'storage.watch-quota',
    contexts: ['submission', 'reception', 'mailbox'],
    events,
    handles: ['MessageAccepted', 'MessageReceived', 'MessagesDeleted'],
    sumsUp: true,
    async react(batch) {
      const due = [...bytesTakenIn(batch)].flatMap(([mailbox, bytes]) =>
        pays(mailbox, bytes) ? [] : [mailbox],
      )
      const last = batch.at(-1)
      if (due.length === 0 || last === undefined) return
      await deps.applied(last.partition, last.position)
      for (const fill of await readFills(deps.pool, due)) await settle(fill)
    },
  }

  function pays(mailbox: string, bytes: number): boolean {
    const left = (credits.get(mailbox) ?? 0) - bytes
    if (left <= 0 || bytes === 0) return false
    credits.set(mailbox, left)
    return true
  }

  async function settle(first: VersionedFill): Promise<void> {
    let fill: VersionedFill | undefined = first
    for (let attempt = 1; fill !== undefined; attempt += 1) {
      const { mailbox }: VersionedFill = fill
      const decided = decideFill(fill, deps.quotaBytes)
      if (decided.length === 0) {
        remember(mailbox, creditOf(fill, deps.quotaBytes, watchers))
        return
      }
      credits.delete(mailbox)
      try {
        await append(deps.log, fill, decided)
        return
      } catch (error) {
        const conflict = error instanceof MailxError && error.code === 'CONFLICT'
        if (!conflict || attempt === ATTEMPTS) throw error
      }
      await waitForOthers(deps, mailbox)
      fill = (await readFills(deps.pool, [mailbox]))[0]
    }
  }

  function remember(mailbox: string, credit: number): void {
    if (credits.size >= MAX_CREDITS) credits.clear()
    credits.set(mailbox, credit)
  }
}

type VersionedFill = MailboxFill & { readonly version: number }

const fills = {
  name: 'storage.fills',
  text: `
  select box.mailbox, coalesce(m.version, 0) as version, coalesce(m.is_full, false) as is_full,
         coalesce(u.bytes, 0) - coalesce(m.freed_bytes, 0) as bytes
    from unnest($1::text[]) as box(mailbox)
    left join storage.mailboxes m on m.mailbox = box.mailbox
    left join lateral (
      select sum(bytes) as bytes from storage.usage where mailbox = box.mailbox) u on true`,
}

async function readFills(pool: pg.Pool, mailboxes: readonly string[]): Promise<VersionedFill[]> {
  type Row = { mailbox: string; version: number; is_full: boolean; bytes: string }
  const { rows } = await pool.query<Row>({ ...fills, values: [mailboxes] })
  return rows.map(({ mailbox, version, is_full, bytes }) => ({
    mailbox,
    version,
    isFull: is_full,
    usedBytes: Number(bytes),
  }))
}

const append = (log: EventLog, fill: VersionedFill, decided: readonly MailboxEvent[]) =>
  log.append({
    context: 'mailbox',
    key: fill.mailbox,
    stream: `mailbox/${fill.mailbox}`,
    expectedVersion: fill.version,
    events: decided.map((event) => ({
      ...encodeEvent(mailboxEvents, event),
      metadata: { actor: 'storage' },
    })),
  })

async function waitForOthers({ log, applied }: QuotaDeps, mailbox: string): Promise<void> {
  const partition = log.partitionOf('mailbox', mailbox)
  const head = (await log.heads('mailbox')).find((candidate) => candidate.partition === partition)
  if (head) await applied(partition, head.position)
}
